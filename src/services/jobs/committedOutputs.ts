/** The outputs in a job's record, whatever the state of the job. */
import { outputPlaces, slotOf } from '../../utils/outputIds.js';
import type { Job, JobOutput } from './Job.js';

/**
 * The outputs that a job shows: its result; before that, and if there is none, what its attempts have made so far. Of several
 * attempts that made the same output, only the latest one is shown.
 */
export function shownOutputs(job: Job): readonly JobOutput[] {
  if (job.status === 'completed') return job.result.outputs;
  const bySlot = new Map<string, JobOutput>();
  for (const output of job.early ?? []) {
    const slot = slotOf(output.place);
    // The newer one is a new output: it goes to the end.
    bySlot.delete(slot);
    bySlot.set(slot, output);
  }
  return [...bySlot.values()];
}

/** All outputs with bytes in the store: also those of earlier attempts, which a client may have seen. */
export function committedOutputs(job: Job): readonly JobOutput[] {
  return job.status === 'completed' ? [...job.result.outputs, ...(job.early ?? [])] : (job.early ?? []);
}

/** Finds an output by the place in its id. */
export function outputAt(job: Job, place: string): JobOutput | undefined {
  const outputs = committedOutputs(job);
  return outputs[outputPlaces(outputs).indexOf(place)];
}
