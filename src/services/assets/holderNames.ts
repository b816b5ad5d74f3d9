/** First part of the name of a temporary holder. No job has such an id. */
const TEMPORARY = 'temporary';

/** Name of a temporary holder, such as a request until there is a job. @param token unique */
export function temporaryHolder(token: string): string {
  return `${TEMPORARY}/${token}`;
}

/**
 * Name of a job as a holder.
 * @param blob the role of the asset in the job, starting with the job id and a slash
 * @param token unique, because several servers may store the same bytes for a job, and one must not release the
 * other's
 */
export function jobHolder(blob: string, token: string): string {
  return `${blob}/${token}`;
}

/** Id of the job that a holder belongs to, undefined for a temporary one. */
export function jobOf(holder: string): string | undefined {
  const [first] = holder.split('/', 1);
  return first === TEMPORARY ? undefined : first;
}
