import type { z } from 'zod';
import type { outputFields } from '../schemas/outputs.js';
import type { CompletedJob, JobOutput } from '../services/jobs/Job.js';

type OutputFields = z.input<typeof outputFields>;

/** Returns the URL of an output's bytes. @param index from 0 */
export function outputUrl(jobId: string, index: number): string {
  return `/api/jobs/${jobId}/outputs/${index}`;
}

/** Returns the fields about a job's outputs, next to its result. */
export function outputsView({ id, request, result }: CompletedJob): OutputFields {
  const outputs = result.outputs.map((output, index) => outputView(output, outputUrl(id, index)));
  const { randomSeed, randomSeeds } = request;
  if (randomSeed === undefined) return { outputs };
  const seed = seedView(randomSeed);
  if (randomSeeds === undefined) return { outputs, seed };
  const seeds = Object.entries(randomSeeds).map(([name, digits]) => [name, seedView(digits)]);
  return { outputs, seed, seeds: Object.fromEntries(seeds) };
}

/** Fields are assigned one by one: statuses are requested often, and a spread takes longer than everything else. */
function outputView(output: JobOutput, url: string): OutputFields['outputs'][number] {
  const { name, nodeId, kind, mimeType, sizeBytes, width, height, crop, text, filename } = output;
  const view: OutputFields['outputs'][number] = {
    name,
    node_id: nodeId,
    kind,
    mime_type: mimeType,
    size_bytes: sizeBytes,
    filename,
    url,
  };
  if (width !== undefined) view.width = width;
  if (height !== undefined) view.height = height;
  if (crop) {
    const { left, top, originalWidth, originalHeight } = crop;
    view.crop = { left, top, original_width: originalWidth, original_height: originalHeight };
  }
  if (text !== undefined) view.text = text;
  return view;
}

/** Returns the seed as a number if JavaScript can represent it, otherwise as text. */
function seedView(digits: string): number | string {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : digits;
}
