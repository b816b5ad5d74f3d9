/** Outputs of jobs as assets. The id contains the job, the node, and the number of the output among those of the node. */
import { createHash } from 'node:crypto';

const ID = /^asset_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9a-f]{12}-\d{1,4})$/;

/** The position of an output within its job. */
interface OutputPlace {
  readonly jobId: string;
  readonly place: string;
}

/** The places of outputs, in order. They are the same before the job's end, when some outputs are still missing. */
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

/** Parses an id; undefined if it is not the id of an output. */
export function parseOutputId(id: string): OutputPlace | undefined {
  const [, jobId, place] = ID.exec(id) ?? [];
  return jobId === undefined || place === undefined ? undefined : { jobId, place };
}
