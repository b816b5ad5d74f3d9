import type { ClientOptions } from './options.js';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** As many as `fetch` follows. */
const MAX_REDIRECTS = 20;

/** Sends the requests of a client. The API key is sent to its own server only, also across redirects. */
export class Connection {
  readonly #baseUrl: string;
  readonly #apiKey: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ baseUrl = '', apiKey, fetch: own }: ClientOptions) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#apiKey = apiKey || undefined;
    // A browser's fetch must be called as a method of its window.
    this.#fetch = own ?? ((input, init) => fetch(input, init));
  }

  /**
   * Sends a request.
   * @param target a path on the server, or an absolute URL
   * @returns any response
   */
  send(target: string, init: RequestInit): Promise<Response> {
    const isAbsolute = /^https?:\/\//i.test(target);
    const url = isAbsolute ? target : `${this.#baseUrl}${target}`;
    if (this.#apiKey === undefined || !this.#isOwn(url)) return this.#fetch(url, init);
    return this.#sendWithKey(url, this.#apiKey, init);
  }

  /** Follows redirects itself: `fetch` would send the key to the other server, such as S3. */
  async #sendWithKey(url: string, apiKey: string, init: RequestInit): Promise<Response> {
    const { redirect = 'follow' } = init;
    const mode = redirect === 'follow' ? 'manual' : redirect;
    let next = { url, init };
    for (let followed = 0; ; followed += 1) {
      const headers = withHeader(next.init, 'X-API-Key', apiKey);
      const response = await this.#fetch(next.url, { ...next.init, headers, redirect: mode });
      if (redirect !== 'follow') return response;
      // Browsers hide where a redirect leads, but they send this header to no other server.
      if (response.type === 'opaqueredirect') {
        return this.#fetch(next.url, {
          ...next.init,
          headers: withHeader(next.init, 'Authorization', `Bearer ${apiKey}`),
        });
      }
      const location = REDIRECTS.has(response.status) ? response.headers.get('Location') : null;
      if (location === null) return response;
      await response.body?.cancel();
      if (followed === MAX_REDIRECTS) throw new TypeError('The server redirects too often.');
      next = {
        url: new URL(location, response.url || next.url).href,
        init: redirected(next.init, response.status),
      };
      if (!this.#isOwn(next.url)) return this.#fetch(next.url, withoutCredentials(next.init));
    }
  }

  /** Whether a URL belongs to the client's server, as `fetch` understands it: `//other.host/` does not. */
  #isOwn(url: string): boolean {
    const page = (globalThis as { location?: { href: string } }).location?.href;
    const base = parse(`${this.#baseUrl}/`, page);
    const other = parse(url, page);
    // Without a server and a page, the program's own `fetch` decides where a path leads.
    if (!base && !other) return /^\/(?![/\\])/.test(url);
    if (!base || !other?.pathname.startsWith(base.pathname)) return false;
    return base.origin === other.origin || isUpgrade(base, other);
  }
}

/** Whether `to` is the same host as `from`, with TLS, both on the default port. */
function isUpgrade(from: URL, to: URL): boolean {
  const isSecured = from.protocol === 'http:' && to.protocol === 'https:';
  return isSecured && from.hostname === to.hostname && from.port === '' && to.port === '';
}

function parse(url: string, base?: string): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}

/** The request after a redirect, as `fetch` changes it. */
function redirected(init: RequestInit, status: number): RequestInit {
  const method = (init.method ?? 'GET').toUpperCase();
  const isRead = method === 'GET' || method === 'HEAD';
  const becomesGet = status === 303 ? !isRead : method === 'POST' && (status === 301 || status === 302);
  if (!becomesGet) return init;
  const headers = new Headers(init.headers);
  for (const name of ['Content-Type', 'Content-Encoding', 'Content-Language', 'Content-Location']) {
    headers.delete(name);
  }
  return { ...init, method: 'GET', body: null, headers };
}

function withHeader(init: RequestInit, name: string, value: string): Headers {
  const headers = new Headers(init.headers);
  headers.set(name, value);
  return headers;
}

/** The request for another server, as `fetch` changes it. */
function withoutCredentials(init: RequestInit): RequestInit {
  const headers = new Headers(init.headers);
  for (const name of ['Authorization', 'Proxy-Authorization', 'Cookie']) headers.delete(name);
  return { ...init, headers };
}
