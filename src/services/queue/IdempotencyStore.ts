/** The result of a claim: the key is new; its job is being created; its job exists; it belongs to another request. */
export type Claim =
  /** With a job id if the previous holder may have created that job. */
  | { readonly state: 'new'; readonly jobId?: string }
  | { readonly state: 'in progress' | 'other request' }
  | { readonly state: 'made'; readonly jobId: string };

/**
 * Which submissions, by their keys, have become which jobs. Servers may share one.
 * ¶ Guarantees of an implementation:
 * - Of all who claim a new key, one gets 'new'. The key belongs to it until `keep` or `release`; a shared
 * implementation abandons the claim if that server is gone, or does not reach it for a while.
 * - After a call has resolved, every server sees its effect. Every call settles in bounded time.
 */
export interface IdempotencyStore {
  /** @param fingerprint of everything that determines the job */
  claim(key: string, fingerprint: string): Promise<Claim>;
  /**
   * Records that the claimant is about to create a job with this id: if it disappears, the next claimant gets the id.
   * @returns false if the key belongs to somebody else by now: then nothing is recorded, and the claim has ended
   */
  intend(key: string, jobId: string): Promise<boolean>;
  /** Records that the claimant has created the job. @returns like `intend`; true if the key already stands for this job */
  keep(key: string, jobId: string): Promise<boolean>;
  /** Frees the key, because the claimant has not created the job. */
  release(key: string): Promise<void>;
  /** Ends a claim whose holder does not know whether the intended job was created. */
  abandon(key: string): Promise<void>;
  /** Frees the key of a deleted job. Does nothing for a job without a key. */
  forget(jobId: string): Promise<void>;
}
