import type { PromptGraph } from './PromptGraph.js';
import type { TextChunk } from './pngText.js';
import type { Prompt } from './prompt.js';
import { pythonJson } from './pythonJson.js';

/**
 * The text that ComfyUI writes into every PNG of a prompt: the graph as `prompt`, and each entry of `extra_pnginfo`. Each node
 * also has the value that its result depends on besides its inputs.
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
