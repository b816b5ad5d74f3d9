/** `too_large`: than allowed. `hash_mismatch`: other bytes than expected. `invalid_range`: begins behind the last byte. */
export type AssetProblem = 'too_large' | 'hash_mismatch' | 'not_found' | 'invalid_range';

/** What a store of assets refuses, as opposed to what it fails at. */
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
