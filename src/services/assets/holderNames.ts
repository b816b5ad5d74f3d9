/** First part of the names of temporary holders. No job has such an id. */
const TEMPORARY = 'temporary';

/** First part of the names of client assets as holders. */
const CLIENT = 'client';

/** Returns the holder name of a client's asset. @param assetId unique, like job ids */
export function clientHolder(assetId: string): string {
  return `${CLIENT}/${assetId}`;
}

/**
 * Returns the name of a holder that ends with its process, such as a request until its job exists.
 * @param processId of the process, without a slash
 * @param token unique
 */
export function temporaryHolder(processId: string, token: string): string {
  return `${TEMPORARY}/${processId}/${token}`;
}

/**
 * Returns the name of a holder for a job.
 * @param blob purpose of the asset for the job, starting with the job's id and a slash
 * @param token unique, because several servers may store the same bytes for a job: a release by one server keeps the
 * hold of another
 */
export function jobHolder(blob: string, token: string): string {
  return `${blob}/${token}`;
}

/** Returns the kind of a holder, with the id of its job, of the client's asset, or of the process with which it ends. */
export function holderOf(holder: string): {
  readonly kind: 'temporary' | 'job' | 'client';
  readonly id: string;
} {
  const [first = '', second = ''] = holder.split('/', 2);
  if (first === TEMPORARY) return { kind: 'temporary', id: second };
  return first === CLIENT ? { kind: 'client', id: second } : { kind: 'job', id: first };
}
