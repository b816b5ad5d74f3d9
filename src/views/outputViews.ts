import type { z } from 'zod';
import type { outputFields } from '../schemas/jobs.js';
import type { CompletedJob, JobOutput } from '../services/jobs/Job.js';

type OutputFields = z.input<typeof outputFields>;

/** Where the bytes of a job's output are. @param index from 0 */
export function outputUrl(jobId: string, index: number): string {
  return `/api/jobs/${jobId}/outputs/${index}`;
}

/** What is told of a job's outputs, beside its result. */
export function outputsView({ id, request, result }: CompletedJob): OutputFields {
  const outputs = result.outputs.map((output, index) => outputView(output, outputUrl(id, index)));
  const { randomSeed } = request;
  return randomSeed === undefined ? { outputs } : { outputs, seed: seedView(randomSeed) };
}

function outputView(output: JobOutput, url: string): OutputFields['outputs'][number] {
  const { name, nodeId, kind, mimeType, sizeBytes, width, height, text, filename } = output;
  return {
    name,
    node_id: nodeId,
    kind,
    mime_type: mimeType,
    size_bytes: sizeBytes,
    ...(width === undefined || height === undefined ? {} : { width, height }),
    ...(text === undefined ? {} : { text }),
    filename,
    url,
  };
}

/** A number where JavaScript can hold it. */
function seedView(digits: string): number | string {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : digits;
}
