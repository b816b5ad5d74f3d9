/** First part of the names of temporary holders. No job has such an id. */
const TEMPORARY = 'temporary';

/** First part of the names of client assets as holders. */
const CLIENT = 'client';

/** Returns the holder name of a client's asset. @param assetId unique, like job ids */
export function clientHolder(assetId: string): string {
  return `${CLIENT}/${assetId}`;
}

/** Returns the name of a temporary holder, such as a request until its job exists. @param token unique */
export function temporaryHolder(token: string): string {
  return `${TEMPORARY}/${token}`;
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

/** Returns the kind of a holder: a job or a client's asset, with its id, or a temporary holder. */
export function holderOf(
  holder: string,
): { readonly kind: 'temporary' } | { readonly kind: 'job' | 'client'; readonly id: string } {
  const [first = '', second = ''] = holder.split('/', 2);
  if (first === TEMPORARY) return { kind: 'temporary' };
  return first === CLIENT ? { kind: 'client', id: second } : { kind: 'job', id: first };
}
