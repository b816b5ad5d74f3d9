import { type ApiKey, findApiKey } from './apiKeys.js';

/** The keys that clients may use at present. */
export class KeyRing {
  #keys: readonly ApiKey[];

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys;
  }

  /** Whether everybody may do everything. */
  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** The key that was presented; undefined where it is none of these. */
  find(presented: string): ApiKey | undefined {
    return findApiKey(this.#keys, presented);
  }

  /** Requests that come from now on are held against these. */
  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys;
  }
}
