/** A prompt in the format of ComfyUI's `/api/jobs`. */
import { isJsonObject, type Json, NumberText, type WritableJson } from '../../utils/losslessJson.js';
import { isEndType } from '../comfyui/promptEnds.js';
import { detailedOutputs, summaryOf } from './jobOutputs.js';
import type { NativePrompt } from './NativePrompt.js';

export const JOB_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;

export type NativeJobStatus = (typeof JOB_STATUSES)[number];

/** Status of a prompt in ComfyUI's list of jobs. */
export function jobStatusOf({ end, hasStarted }: NativePrompt): NativeJobStatus {
  if (end === undefined) return hasStarted ? 'in_progress' : 'pending';
  if (end === 'success') return 'completed';
  return end === 'interrupted' ? 'cancelled' : 'failed';
}

/** Returns the entry of a prompt in the list. As in ComfyUI, a prompt that has not ended has no outputs yet. */
export function listedJob(prompt: NativePrompt): Map<string, Json> {
  const { id, number, createTime } = prompt.record;
  const { count, previewable, preview } = summaryOf(endedOutputs(prompt));
  const { start, end, error } = runOf(prompt);
  const entries: readonly (readonly [string, Json | undefined])[] = [
    ['id', id],
    ['status', jobStatusOf(prompt)],
    ['priority', number],
    ['create_time', createTime],
    ['execution_start_time', start],
    ['execution_end_time', end],
    ['execution_error', error],
    ['outputs_count', count],
    ['previewable_outputs_count', previewable],
    ['preview_output', preview],
    ['workflow_id', prompt.workflowId],
  ];
  const known = new Map<string, Json>();
  for (const [name, value] of entries) if (value !== undefined && value !== null) known.set(name, value);
  return known;
}

/** Returns a prompt with its graph; after its end, also with its outputs and messages. */
export function detailedJob(prompt: NativePrompt): Map<string, WritableJson> {
  const job = new Map<string, WritableJson>(listedJob(prompt));
  if (prompt.end !== undefined) {
    job.set('outputs', detailedOutputs(prompt.outputs));
    job.set('execution_status', prompt.status);
  }
  return job.set('workflow', new Map(Object.entries(prompt.sent)));
}

/** How long a prompt ran, ms; 0 if it has not ended, or never started. */
export function durationOf(prompt: NativePrompt): number {
  const run = runOf(prompt);
  const [start, end] = [numberOf(run.start), numberOf(run.end)];
  return start !== undefined && end !== undefined ? end - start : 0;
}

function numberOf(value: Json | undefined): number | undefined {
  if (value instanceof NumberText) return Number(value.text);
  return typeof value === 'number' ? value : undefined;
}

function endedOutputs({ end, outputs }: NativePrompt): ReadonlyMap<string, Json> {
  return end === undefined ? new Map() : outputs;
}

interface Run {
  /** Epoch ms. */
  readonly start?: Json | undefined;
  readonly end?: Json | undefined;
  /** The content of `execution_error`. */
  readonly error?: Json | undefined;
}

/** Reads the messages of a prompt that has ended. */
function runOf(prompt: NativePrompt): Run {
  const run: { -readonly [Name in keyof Run]: Run[Name] } = {};
  if (prompt.end === undefined) return run;
  for (const [type, data] of prompt.messages) {
    if (!isJsonObject(data)) continue;
    if (type === 'execution_start') run.start = data.get('timestamp');
    if (isEndType(type)) run.end = data.get('timestamp');
    if (type === 'execution_error') run.error = data;
  }
  return run;
}
