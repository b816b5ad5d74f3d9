import type { PromptGraph } from './PromptGraph.js';
import { pythonJson, type TextChunk } from './pngText.js';
import type { Prompt } from './prompt.js';

/**
 * What ComfyUI writes into every PNG of a prompt: the graph as `prompt`, and each entry of `extra_pnginfo`. What a
 * node's result depends on beside its inputs is noted at the node by then.
 */
export function metadataOf(prompt: Prompt, graph: PromptGraph): TextChunk[] {
  const noted = Object.entries(prompt.graph).map(([id, node]) => {
    const changed = graph.changed(id);
    return [id, typeof changed === 'string' ? { ...node, is_changed: [changed] } : node];
  });
  const extra = prompt.extraData['extra_pnginfo'];
  const entries = typeof extra === 'object' && extra !== null ? Object.entries(extra) : [];
  return [['prompt', Object.fromEntries(noted)], ...entries].map(([keyword, value]) => ({
    keyword: String(keyword),
    text: pythonJson(value),
  }));
}
