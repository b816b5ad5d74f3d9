import { AssetError } from './AssetError.js';
import type { AssetHolders } from './AssetHolders.js';

interface Deletion {
  readonly over: Promise<void>;
  end(): void;
}

/** Holders in this process, of assets that no other process uses. They end with it. */
export class MemoryAssetHolders implements AssetHolders {
  /** By asset; none is empty. */
  readonly #holders = new Map<string, Set<string>>();
  readonly #deletions = new Map<string, Deletion>();

  async take(hash: string, holder: string): Promise<void> {
    const holders = this.#holders.get(hash);
    if (holders) holders.add(holder);
    else this.#holders.set(hash, new Set([holder]));
    await this.#deletions.get(hash)?.over;
  }

  async share(hash: string, holder: string): Promise<void> {
    const holders = this.#holders.get(hash);
    if (!holders) throw AssetError.notFound(hash);
    holders.add(holder);
  }

  async release(hash: string, holder: string): Promise<boolean> {
    const holders = this.#holders.get(hash);
    if (!holders?.delete(holder) || holders.size > 0) return false;
    this.#holders.delete(hash);
    return this.#begin(hash);
  }

  async claim(hash: string): Promise<boolean> {
    return !this.#holders.has(hash) && this.#begin(hash);
  }

  async deleted(hash: string): Promise<void> {
    const deletion = this.#deletions.get(hash);
    this.#deletions.delete(hash);
    deletion?.end();
  }

  close(): readonly string[] {
    const hashes = [...this.#holders.keys()];
    this.#holders.clear();
    return hashes.filter((hash) => this.#begin(hash));
  }

  /** @returns false during a deletion: no bytes have been stored since it started */
  #begin(hash: string): boolean {
    if (this.#deletions.has(hash)) return false;
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#deletions.set(hash, { over, end });
    return true;
  }
}
