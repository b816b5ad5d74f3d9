import { parseMachineJson } from '../../utils/machineJson.js';
import { inOrder } from './historyOrder.js';
import { isRecord, type MachineMessage } from './machineMessages.js';
import type { FoundEntry } from './PromptQueries.js';

/**
 * Returns the `executed` messages that were missed, as the machine would have sent them: its history has the same outputs.
 * @param heard nodes whose message was received
 */
export function missedMessages(
  promptId: string,
  entry: FoundEntry,
  heard: ReadonlySet<string>,
): MachineMessage[] {
  const missed = inOrder(Object.keys(entry.outputs), heard).filter((node) => !heard.has(node));
  if (missed.length === 0) return [];
  const texts = entry.outputTexts();
  return missed.flatMap((node) => {
    const output = texts.get(node);
    const ids = { node, display_node: entry.meta[node]?.display_node ?? node, prompt_id: promptId };
    // The output is not written anew, so that it keeps every digit.
    const data = `${JSON.stringify(ids).slice(0, -1)},"output":${output}}`;
    const parsed = output === undefined ? undefined : parseMachineJson(data);
    const type = 'executed';
    return isRecord(parsed)
      ? [{ promptId, type, data: parsed, text: `{"type":"${type}","data":${data}}` }]
      : [];
  });
}
