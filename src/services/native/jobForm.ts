/** A prompt in the format of ComfyUI's `/api/jobs`. */
import type { WritableJson } from '../../utils/losslessJson.js';
import type { NativePrompt } from './NativePrompt.js';

export const JOB_STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;

export type NativeJobStatus = (typeof JOB_STATUSES)[number];

/** Status of a prompt in ComfyUI's list of jobs. */
export function jobStatusOf({ end, hasStarted }: NativePrompt): NativeJobStatus {
  if (end === undefined) return hasStarted ? 'in_progress' : 'pending';
  if (end === 'success') return 'completed';
  return end === 'interrupted' ? 'cancelled' : 'failed';
}

/** Returns the entry of a prompt in the list. */
export function listedJob(prompt: NativePrompt): Map<string, WritableJson> {
  const { id, number, createTime } = prompt.record;
  const { count, previewable, preview, start, end, error } = prompt.summary;
  const entries: readonly (readonly [string, WritableJson | undefined])[] = [
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
  const known = new Map<string, WritableJson>();
  for (const [name, value] of entries) if (value !== undefined && value !== null) known.set(name, value);
  return known;
}

/** Returns a prompt with its graph; after its end, also with its outputs and messages. */
export function detailedJob(prompt: NativePrompt): Map<string, WritableJson> {
  const job = listedJob(prompt);
  if (prompt.end !== undefined) {
    job.set('outputs', prompt.details);
    job.set('execution_status', prompt.status);
  }
  return job.set('workflow', new Map(Object.entries(prompt.sent)));
}
