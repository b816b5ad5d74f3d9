import type { AssetLibrary } from './AssetLibrary.js';
import type { StoredAsset } from './AssetStore.js';

interface Lot {
  readonly hashes: readonly string[];
  readonly bytes: number;
}

/** Assets by what they belong to, such as a job's results, up to a bound: the oldest go first. */
export class AssetShelf {
  readonly #library: AssetLibrary;
  readonly #maxBytes: number;
  readonly #onDropped: (owner: string) => void;
  /** In order of arrival. */
  readonly #lots = new Map<string, Lot>();
  #bytes = 0;

  /**
   * @param maxBytes of all that is kept, where each owner's assets count, also those that others have too
   * @param onDropped called with each owner whose assets are gone, for whatever reason
   */
  constructor(library: AssetLibrary, maxBytes: number, onDropped: (owner: string) => void) {
    this.#library = library;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
  }

  /** Takes over what the caller holds; in place of what the owner had before. */
  keep(owner: string, assets: readonly Pick<StoredAsset, 'hash' | 'sizeBytes'>[]): void {
    this.#letGo(owner);
    const bytes = assets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#lots.set(owner, { hashes: assets.map(({ hash }) => hash), bytes });
    this.#bytes += bytes;
    for (const oldest of this.#lots.keys()) {
      // The newest stays, whatever its size: somebody waits for it.
      if (this.#bytes <= this.#maxBytes || oldest === owner) break;
      this.drop(oldest);
    }
  }

  has(owner: string): boolean {
    return this.#lots.has(owner);
  }

  /** Lets go of all that an owner has. Nobody waits until the bytes are gone. */
  drop(owner: string): void {
    if (this.#letGo(owner)) this.#onDropped(owner);
  }

  #letGo(owner: string): boolean {
    const lot = this.#lots.get(owner);
    if (!lot) return false;
    this.#lots.delete(owner);
    this.#bytes -= lot.bytes;
    for (const hash of lot.hashes) this.#library.release(hash);
    return true;
  }
}
