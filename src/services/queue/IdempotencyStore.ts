/** What a claim to a key finds: nobody had it; its job is being made; its job was made; it stands for something else. */
export type Claim =
  /** With a job id where whoever had the key before may have made that job, and nobody knows whether it did. */
  | { readonly state: 'new'; readonly jobId?: string }
  | { readonly state: 'in progress' | 'other request' }
  | { readonly state: 'made'; readonly jobId: string };

/**
 * Which submissions, by their keys, have become which jobs. Servers may share one.
 *
 * What an implementation guarantees:
 * - Of all who claim a key that nobody has, one is told 'new'. It is that one's until `keep` or `release`; a shared
 *   implementation abandons it when that server is gone.
 * - Once a call resolved, every server sees what it did. Every call settles in bounded time.
 */
export interface IdempotencyStore {
  /** @param fingerprint of everything that decides what the job is */
  claim(key: string, fingerprint: string): Promise<Claim>;
  /** Whoever was told 'new' is about to make a job of this id: should it be gone meanwhile, the next one is told of it. */
  intend(key: string, jobId: string): Promise<void>;
  /** Whoever was told 'new' made the job. */
  keep(key: string, jobId: string): Promise<void>;
  /** Whoever was told 'new' did not make it: the key is free again. */
  release(key: string): Promise<void>;
  /** Whoever was told 'new' does not know whether it made the job that it intended to make. */
  abandon(key: string): Promise<void>;
  /** A job is gone: its key is free again. Does nothing for a job without one. */
  forget(jobId: string): Promise<void>;
}
