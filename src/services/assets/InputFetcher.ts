import { Readable } from 'node:stream';
import { ClientTurns } from '../../utils/ClientTurns.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import type { FairLimits } from '../../utils/FairLimit.js';
import type { AddressGuard } from '../outbound/AddressGuard.js';
import type { OutboundClient, OutboundDownload } from '../outbound/OutboundClient.js';
import { InputUnreachable } from './InputUnreachable.js';

/** Enough for moved files and load balancers. */
const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const HEADERS = { accept: '*/*', 'user-agent': 'comfyui-express-middleware' };

/**
 * Downloads at the same time. One client cannot take all connections to a host that others use, too, and has few connections to
 * slow hosts.
 */
const LIMITS: FairLimits = { total: 256, perClient: 8, perHost: 16 };

export interface FetchLimits {
  readonly maxBytes: number;
  readonly client: string;
  readonly signal: AbortSignal;
}

export interface FetchedInput {
  /** The bytes as a stream. It fails with InputUnreachable, or with the signal's reason. */
  readonly body: Readable;
  /** The file name in the URL, unchanged: any characters, or empty. */
  readonly filename: string | undefined;
}

/**
 * Downloads inputs that clients name by URL. Every address on the way is checked when the connection is made, and
 * limits on size and time apply while the bytes arrive. The type of file is detected later, from its content.
 */
export class InputFetcher {
  readonly #guard: AddressGuard;
  readonly #client: OutboundClient;
  readonly #timeoutMs: number;
  readonly #turns = new ClientTurns(LIMITS);

  /** @param timeoutMs of each download, from the DNS lookup to the last byte */
  constructor(guard: AddressGuard, client: OutboundClient, timeoutMs: number) {
    this.#guard = guard;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Downloads a file at the client's turn.
   * @param use reads the bytes, which are available until it is done
   * @returns the result of `use`
   * @throws InputUnreachable, the signal's reason, or the error of `use`
   */
  async fetch<T>(url: string, limits: FetchLimits, use: (input: FetchedInput) => Promise<T>): Promise<T> {
    const first = this.#checked(url);
    return this.#turns.run({ ...limits, host: first.host }, () => this.#inTime(first, limits, use));
  }

  #inTime<T>(first: URL, limits: FetchLimits, use: (input: FetchedInput) => Promise<T>): Promise<T> {
    return withDeadline(this.#timeoutMs, limits.signal, async (signal) => {
      try {
        return await this.#receive(first, limits.maxBytes, signal, use);
      } catch (error) {
        // Any other deadline is the caller's, or of its work with the bytes.
        const isLate = error instanceof DeadlineExceeded && error === signal.reason;
        throw isLate && !limits.signal.aborted ? new InputUnreachable('too_slow') : error;
      }
    });
  }

  async #receive<T>(
    url: URL,
    maxBytes: number,
    signal: AbortSignal,
    use: (input: FetchedInput) => Promise<T>,
  ): Promise<T> {
    const { headers, body } = await this.#follow(url, signal);
    const onAbort = () => body.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      checkHead(headers, maxBytes);
      const bytes = Readable.from(limited(body, maxBytes, signal), { objectMode: false });
      return await use({ body: bytes, filename: filenameOf(url) });
    } finally {
      signal.removeEventListener('abort', onAbort);
      discard(body);
    }
  }

  #checked(text: string): URL {
    if (this.#guard.problemWith(text) === undefined) return new URL(text);
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const isUrl = url && /^https?:$/.test(url.protocol) && !url.username && !url.password;
    throw new InputUnreachable(isUrl ? 'private_address' : 'not_a_url');
  }

  /** Follows redirects, each checked like the first address. */
  async #follow(first: URL, signal: AbortSignal): Promise<OutboundDownload> {
    let url = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await this.#get(url, signal);
      if (response.status === 200) return response;
      discard(response.body);
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === undefined) {
        throw new InputUnreachable('bad_status', String(response.status));
      }
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (!next || this.#guard.problemWith(next.href)) throw new InputUnreachable('bad_redirect');
      url = next;
    }
    throw new InputUnreachable('too_many_redirects');
  }

  async #get(url: URL, signal: AbortSignal): Promise<OutboundDownload> {
    try {
      return await this.#client.get({ url: url.href, headers: HEADERS, signal });
    } catch {
      signal.throwIfAborted();
      throw new InputUnreachable('no_answer');
    }
  }
}

/** Rejects responses before any of the body has arrived. */
function checkHead(headers: OutboundDownload['headers'], maxBytes: number): void {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') throw new InputUnreachable('encoded');
  if (Number(headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes);
}

async function* limited(body: Readable, maxBytes: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) break;
      yield chunk;
    }
  } catch {
    signal.throwIfAborted();
    throw new InputUnreachable('cut_off');
  }
  signal.throwIfAborted();
  if (bytes > maxBytes) throw tooLarge(maxBytes);
}

function tooLarge(maxBytes: number): InputUnreachable {
  return new InputUnreachable('too_large', `more than ${maxBytes} bytes`);
}

/** Closes a connection whose response is not needed. */
function discard(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

function filenameOf(url: URL): string | undefined {
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    return decodeURIComponent(name) || undefined;
  } catch {
    return undefined;
  }
}
