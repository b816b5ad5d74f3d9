import { MiddlewareClient } from '../client/index.js';

const KEY_NAME = 'api-key';

/**
 * A client with the API key of this tab, if any.
 * @param onRefused called whenever a response is 401: the key may have been replaced while the page is open
 */
export function connect(onRefused: () => void): MiddlewareClient {
  return new MiddlewareClient({
    apiKey: sessionStorage.getItem(KEY_NAME) ?? undefined,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (response.status === 401) onRefused();
      return response;
    },
  });
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
