/**
 * Who holds each asset, by name, so that its bytes are deleted when the last one lets go and not before. Servers that
 * share a folder or a bucket share this, too.
 *
 * A name is used for one asset and one hold: whoever lets go and holds again does so by another name. See `holderNames`.
 *
 * What an implementation guarantees:
 * - Each call is one step: of several who let go at the same time, one is told to delete the bytes.
 * - A call may be made twice, by any server: to take what the same name holds, or to let go of what it does not hold, changes
 *   nothing.
 * - A call may reject although it was carried out. Then the name may be there for good, until an audit finds it.
 * - Nobody whose `take` has resolved loses the bytes that were stored after that. A server that stands still while it deletes
 *   bytes, for longer than the others wait, is the exception.
 */
export interface AssetHolders {
  /**
   * Holds an asset, which need not be there yet. Nobody begins to delete it from now on.
   * @returns resolves when no deletion of it is under way anywhere, so that the bytes may be stored
   */
  take(hash: string, holder: string): Promise<void>;
  /** Holds for one more what somebody holds already. @throws AssetError `not_found` where nobody does */
  share(hash: string, holder: string): Promise<void>;
  /**
   * Lets go.
   * @returns whether the caller must delete the bytes now, and then say so with `deleted`. Whoever takes the asset waits
   */
  release(hash: string, holder: string): Promise<boolean>;
  /** Asks for an asset that nobody holds, and nobody deletes. @returns as `release` */
  claim(hash: string): Promise<boolean>;
  /** The deletion is over, whether it worked or not: whoever waits may go on. */
  deleted(hash: string): Promise<void>;
  /**
   * The process ends. Lets go of whatever does not outlive it.
   * @returns assets that nobody holds because of that: the caller must delete them, as after `release`
   */
  close(): readonly string[];
}
