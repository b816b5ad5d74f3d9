/** Outputs of jobs as assets: an id tells the job, the node, and which of the node's outputs it is. */
import { createHash } from 'node:crypto';

const ID = /^asset_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9a-f]{12}-\d{1,4})$/;

/** Where an output is among those of its job. */
interface OutputPlace {
  readonly jobId: string;
  readonly place: string;
}

/** The places of outputs, in their order: the same before the job's end, when some of them are still to come. */
export function outputPlaces(outputs: readonly { readonly nodeId: string }[]): string[] {
  const counts = new Map<string, number>();
  return outputs.map(({ nodeId }) => {
    const count = counts.get(nodeId) ?? 0;
    counts.set(nodeId, count + 1);
    return `${createHash('sha256').update(nodeId).digest('hex').slice(0, 12)}-${count}`;
  });
}

export function outputId({ jobId, place }: OutputPlace): string {
  return `asset_${jobId}_${place}`;
}

/** undefined for an id of something else. */
export function parseOutputId(id: string): OutputPlace | undefined {
  const [, jobId, place] = ID.exec(id) ?? [];
  return jobId === undefined || place === undefined ? undefined : { jobId, place };
}
