import { type ApiKey, findApiKey } from './apiKeys.js';

/** The API keys that are valid now. */
export class KeyRing {
  #keys: readonly ApiKey[];

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys;
  }

  /** Whether there are no keys, so that every client may do everything. */
  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** Finds the presented key; undefined if it is not valid. */
  find(presented: string): ApiKey | undefined {
    return findApiKey(this.#keys, presented);
  }

  /** Replaces the keys for all requests from now on. */
  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys;
  }
}
