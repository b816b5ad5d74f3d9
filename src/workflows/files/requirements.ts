import type { PromptGraph } from '../graph.js';
import type { Workflow } from '../types.js';
import { GraphView, linksOf } from './GraphView.js';

const MODEL_FILE = /\S\.(safetensors|ckpt|pt|pth|gguf|bin|onnx|sft)$/i;

/**
 * What a machine needs to run the graph: every node class, because ComfyUI rejects a prompt with an unknown one
 * anywhere, and the model files that nodes name. A loader without outgoing links needs no file.
 */
export function requirementsOf(graph: PromptGraph): Workflow['requires'] {
  const view = new GraphView(graph);
  const models = new Map<string, Workflow['requires']['models'][number]>();
  for (const [id, node] of graph) {
    if (linksOf(node).length === 0 && view.consumersOf(id).length === 0) continue;
    for (const [input, model] of node.inputs) {
      if (typeof model !== 'string' || !MODEL_FILE.test(model)) continue;
      models.set(JSON.stringify([node.classType, input, model]), { node: node.classType, input, model });
    }
  }
  const nodes = new Set([...graph.values()].map(({ classType }) => classType));
  return { nodes: [...nodes], models: [...models.values()] };
}
