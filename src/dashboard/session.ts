import { MiddlewareClient } from '../client/index.js';

const KEY_NAME = 'api-key';

/** A client with the API key of this tab, if any. */
export function connect(): MiddlewareClient {
  return new MiddlewareClient({ apiKey: sessionStorage.getItem(KEY_NAME) ?? undefined });
}

/** Stores the API key for this session, in this tab only. */
export function storeKey(key: string): void {
  sessionStorage.setItem(KEY_NAME, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(KEY_NAME);
}

export function hasKey(): boolean {
  return sessionStorage.getItem(KEY_NAME) !== null;
}
