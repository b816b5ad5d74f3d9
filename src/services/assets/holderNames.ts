/** First part of the name of a holder that is no job's. No job has such an id. */
const TEMPORARY = 'temporary';

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

/** Id of the job that a holder belongs to, undefined for a temporary one. */
export function jobOf(holder: string): string | undefined {
  const [first] = holder.split('/', 1);
  return first === TEMPORARY ? undefined : first;
}
