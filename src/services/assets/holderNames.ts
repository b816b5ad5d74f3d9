/** First part of the name of a holder that is no job's. No job has such an id. */
const TEMPORARY = 'temporary';

/** First part of the name of a holder that is a client's asset. */
const CLIENT = 'client';

/** Name of a client's asset as a holder of its bytes. @param assetId unique, as are the ids of jobs */
export function clientHolder(assetId: string): string {
  return `${CLIENT}/${assetId}`;
}

/** Name of somebody who holds an asset for a while, such as a request until there is a job. @param token unique */
export function temporaryHolder(token: string): string {
  return `${TEMPORARY}/${token}`;
}

/**
 * Name of somebody who holds an asset for a job.
 * @param blob what the asset is to the job, beginning with its id and a slash
 * @param token unique, since several servers may store the same bytes for a job: what one of them gives up the other keeps
 */
export function jobHolder(blob: string, token: string): string {
  return `${blob}/${token}`;
}

/** For whom a holder holds: a job or a client's asset, by its id, or somebody for a while. */
export function holderOf(
  holder: string,
): { readonly kind: 'temporary' } | { readonly kind: 'job' | 'client'; readonly id: string } {
  const [first = '', second = ''] = holder.split('/', 2);
  if (first === TEMPORARY) return { kind: 'temporary' };
  return first === CLIENT ? { kind: 'client', id: second } : { kind: 'job', id: first };
}
