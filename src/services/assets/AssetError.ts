/**
 * `too_large`: than allowed. `hash_mismatch`: other bytes than expected. `invalid_range`: starts after the last byte.
 */
export type AssetProblem = 'too_large' | 'hash_mismatch' | 'not_found' | 'invalid_range';

/** An asset store rejects an operation, as opposed to a failure. */
export class AssetError extends Error {
  override name = 'AssetError';
  readonly problem: AssetProblem;

  constructor(problem: AssetProblem, message: string) {
    super(message);
    this.problem = problem;
  }

  static notFound(hash: string): AssetError {
    return new AssetError('not_found', `There is no asset ${hash}.`);
  }
}
