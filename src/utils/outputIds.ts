/**
 * Outputs of jobs as assets. The id contains the job and the place of the output: the node, the number among the outputs of the
 * node, and the attempt of the job that made it, unless it was the first one. So an id never means outputs of two attempts.
 */
import { createHash } from 'node:crypto';

const ID = /^asset_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9a-f]{12}-\d{1,4}(?:-\d{1,6})?)$/;
const SLOT = /^[0-9a-f]{12}-\d+/;

/** The position of an output within its job. */
interface OutputPlace {
  readonly jobId: string;
  readonly place: string;
}

/**
 * Returns the place of an output.
 * @param index among the outputs of its node, from 0
 * @param attempt of the job that made it, from 1
 */
export function placeOf(nodeId: string, index: number, attempt: number): string {
  const slot = `${createHash('sha256').update(nodeId).digest('hex').slice(0, 12)}-${index}`;
  return attempt > 1 ? `${slot}-${attempt}` : slot;
}

/** Returns the part of a place that is the same in all attempts. */
export function slotOf(place: string): string {
  return SLOT.exec(place)?.[0] ?? place;
}

/** The places of outputs, in order: as recorded, or by their order for outputs that were recorded without a place. */
export function outputPlaces(
  outputs: readonly { readonly nodeId: string; readonly place?: string | undefined }[],
): string[] {
  const counts = new Map<string, number>();
  return outputs.map(({ nodeId, place }) => {
    const count = counts.get(nodeId) ?? 0;
    counts.set(nodeId, count + 1);
    return place ?? placeOf(nodeId, count, 1);
  });
}

export function outputId({ jobId, place }: OutputPlace): string {
  return `asset_${jobId}_${place}`;
}

/** Parses an id; undefined if it is not the id of an output. */
export function parseOutputId(id: string): OutputPlace | undefined {
  const [, jobId, place] = ID.exec(id) ?? [];
  return jobId === undefined || place === undefined ? undefined : { jobId, place };
}
