import { jsonMemory } from '../../utils/jsonMemory.js';
import { isJsonObject, type Json, numberIn } from '../../utils/losslessJson.js';
import { PackedJson } from '../../utils/PackedJson.js';
import { summaryOf } from './jobOutputs.js';

/** A message of an ended prompt. */
interface EndedMessage {
  readonly type: string;
  readonly content: Json;
  /** The same, as the history keeps it. */
  readonly packed: PackedJson;
}

/** What the list of jobs shows about the run of a prompt: a list of thousands must not unpack and parse all their reports. */
export interface PromptSummary {
  /** Number of files and other objects in the outputs. */
  readonly count: number;
  /** Number of those that ComfyUI's page can show. */
  readonly previewable: number;
  /** The output that represents the prompt. */
  readonly preview: PackedJson | undefined;
  /** Epoch ms, as the machine wrote it. */
  readonly start: Json | undefined;
  readonly end: Json | undefined;
  /** The content of `execution_error`, which the history shares. */
  readonly error: PackedJson | undefined;
}

/** Summary of a prompt that has not ended: as in ComfyUI, it has no outputs yet. */
export const NO_SUMMARY: PromptSummary = {
  count: 0,
  previewable: 0,
  preview: undefined,
  start: undefined,
  end: undefined,
  error: undefined,
};

/**
 * Summarises the run of a prompt that has ended.
 * @param messages in their order: the last one is its end
 */
export function summarise(
  messages: readonly EndedMessage[],
  outputs: ReadonlyMap<string, Json>,
): PromptSummary {
  const { count, previewable, preview } = summaryOf(outputs);
  const end = messages.at(-1);
  const isError = end?.type === 'execution_error' && isJsonObject(end.content);
  return {
    count,
    previewable,
    preview: preview === undefined ? undefined : new PackedJson(preview),
    start: timeOf(messages.findLast(({ type }) => type === 'execution_start')),
    end: timeOf(end),
    error: isError ? end.packed : undefined,
  };
}

/** Returns the bytes in memory, without what the history shares. */
export function sizeOfSummary({ preview, start, end }: PromptSummary): number {
  return (preview?.size ?? 0) + jsonMemory(start ?? null) + jsonMemory(end ?? null);
}

/** How long a prompt ran, ms; 0 if it has not ended, or never started. */
export function durationIn(summary: PromptSummary): number {
  const [start, end] = [numberIn(summary.start), numberIn(summary.end)];
  return start !== undefined && end !== undefined ? end - start : 0;
}

function timeOf(message: EndedMessage | undefined): Json | undefined {
  return isJsonObject(message?.content) ? message.content.get('timestamp') : undefined;
}
