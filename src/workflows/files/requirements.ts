import { linkOf, type PromptGraph } from '../graph.js';
import type { Workflow } from '../types.js';

const MODEL_FILE = /\S\.(safetensors|ckpt|pt|pth|gguf|bin|onnx|sft)$/i;

/** Whether a value of an input is the name of a model file. */
export function isModelFile(value: unknown): value is string {
  return typeof value === 'string' && MODEL_FILE.test(value);
}

/**
 * What a machine needs to run the graph: every node class, because ComfyUI rejects a prompt with an unknown one
 * anywhere, and the model files that nodes name. A loader without outgoing links needs no file.
 */
export function requirementsOf(graph: PromptGraph): Workflow['requires'] {
  const linked = linkedNodes(graph);
  const models = new Map<string, Workflow['requires']['models'][number]>();
  for (const [id, node] of graph) {
    if (!linked.has(id)) continue;
    for (const [input, model] of node.inputs) {
      if (!isModelFile(model)) continue;
      models.set(JSON.stringify([node.classType, input, model]), { node: node.classType, input, model });
    }
  }
  const nodes = new Set([...graph.values()].map(({ classType }) => classType));
  return { nodes: [...nodes], models: [...models.values()] };
}

/** The nodes with a link in or out. */
function linkedNodes(graph: PromptGraph): ReadonlySet<string> {
  const linked = new Set<string>();
  for (const [id, { inputs }] of graph) {
    for (const value of inputs.values()) {
      const link = linkOf(value);
      if (link !== undefined) linked.add(id).add(link[0]);
    }
  }
  return linked;
}
