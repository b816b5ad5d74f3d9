import type { PromptGraph } from './PromptGraph.js';
import type { TextChunk } from './pngText.js';
import type { Prompt } from './prompt.js';
import { pythonJson } from './pythonJson.js';

/**
 * What ComfyUI writes into every PNG of a prompt: the graph as `prompt`, and each entry of `extra_pnginfo`. What a
 * node's result depends on beside its inputs is noted at the node by then.
 */
export function metadataOf(prompt: Prompt, graph: PromptGraph): TextChunk[] {
  const noted = [...prompt.graph].map(([id, node]) => {
    const changed = graph.changed(id);
    return [id, typeof changed === 'string' ? new Map([...node, ['is_changed', [changed]]]) : node] as const;
  });
  const extra = prompt.extraData.get('extra_pnginfo');
  const entries: Array<[unknown, unknown]> = extra instanceof Map ? [...extra] : [];
  return [['prompt', new Map(noted)], ...entries].map(([keyword, value]) => ({
    keyword: String(keyword),
    text: pythonJson(value),
  }));
}
