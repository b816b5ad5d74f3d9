import { type ApiKey, findApiKey } from './apiKeys.js';

/** The API keys that are valid now. */
export class KeyRing {
  #keys: readonly ApiKey[];
  readonly #watchers = new Set<() => void>();

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys;
  }

  /** Whether there are no keys, so that every client may do everything. */
  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** Number of functions that are called when the keys are replaced. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** Finds the presented key; undefined if it is not valid. */
  find(presented: string): ApiKey | undefined {
    return findApiKey(this.#keys, presented);
  }

  /** Returns a key that was found earlier as it is now, perhaps with another name or scope; undefined if it was removed. */
  current({ digest }: ApiKey): ApiKey | undefined {
    return this.#keys.find((key) => key.digest.equals(digest));
  }

  /** Replaces the keys for all requests from now on, and tells those that watch. */
  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls `watcher` whenever the keys were replaced. @returns a function that ends this */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
