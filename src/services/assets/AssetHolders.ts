/**
 * The holders of each asset, by name, so that its bytes are deleted when the last one releases it and not before.
 * Servers that share a folder or a bucket share this, too.
 * ¶ A name is used for one asset and one hold: whoever holds again uses another name. See `holderNames`.
 * ¶ Guarantees of an implementation:
 * - Each call is atomic: of several simultaneous releases, one is told to delete the bytes.
 * - A call may be repeated by any server: taking what the same name holds, or releasing what it does not hold,
 * changes nothing.
 * - A call may reject although it was executed. Then the hold may remain until an audit finds it.
 * - After `take` has resolved, bytes that are stored are not lost. The exception is a server that is suspended during
 * a deletion, for longer than the others wait.
 */
export interface AssetHolders {
  /**
   * Holds an asset, which need not exist yet. No deletion of it starts from now on.
   * @returns resolves when no deletion of it is in progress anywhere, so that the bytes may be stored
   */
  take(hash: string, holder: string): Promise<void>;
  /** Adds a holder to a held asset. @throws AssetError `not_found` if it has no holder */
  share(hash: string, holder: string): Promise<void>;
  /**
   * Releases a hold.
   * @returns whether the caller must delete the bytes now and then call `deleted`. Until then, `take` of the asset
   * waits
   */
  release(hash: string, holder: string): Promise<boolean>;
  /** Claims the deletion of an asset without holders that is not being deleted. @returns like `release` */
  claim(hash: string): Promise<boolean>;
  /** Ends a deletion, whether it succeeded or not: waiting callers continue. */
  deleted(hash: string): Promise<void>;
  /**
   * Releases, at the end of the process, everything that does not outlive it.
   * @returns assets without remaining holders: the caller must delete them, as after `release`
   */
  close(): readonly string[];
}
