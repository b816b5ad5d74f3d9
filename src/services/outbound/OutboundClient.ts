import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import { messageOf } from '../../errors.js';
import type { AddressGuard } from './AddressGuard.js';
import { RefusedAddress } from './RefusedAddress.js';
import { retryAfterSeconds } from './retryAfter.js';

interface OutboundRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Aborts the request, from the DNS lookup to the last byte of the response. */
  readonly signal: AbortSignal;
}

/** The head of a response. */
interface OutboundResponse {
  readonly status: number;
  /** From the header, which may also be a date. */
  readonly retryAfterSeconds: number | undefined;
}

/** A response whose body has not arrived yet. */
export interface OutboundDownload {
  readonly status: number;
  /** By lower-case name; only headers that occur once. */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be read or destroyed. Its errors may contain the request and must not be shown. */
  readonly body: Readable;
}

/** What exceeds this of a response to `post` is not read, and its connection not reused. */
const MAX_RESPONSE_BYTES = 16 * 1024;
const MAX_RESPONSE_MS = 1000;
/** Idle connections are closed after this time, ms. */
const IDLE_TIMEOUT_MS = 4000;

/**
 * HTTP to hosts that clients name. Connects only where the guard allows it, uses no proxy from the environment,
 * follows no redirect (it would lead to an unchecked address) and decompresses nothing.
 */
export class OutboundClient {
  readonly #guard: AddressGuard;
  readonly #axios: AxiosInstance;
  readonly #agents: readonly HttpAgent[];

  /** @param maxSocketsPerHost connections to one host and port at the same time */
  constructor(guard: AddressGuard, maxSocketsPerHost: number) {
    this.#guard = guard;
    const options = {
      keepAlive: true,
      maxSockets: maxSocketsPerHost,
      timeout: IDLE_TIMEOUT_MS,
    };
    const httpAgent = guarded(new HttpAgent(options), guard);
    const httpsAgent = guarded(new HttpsAgent(options), guard);
    this.#agents = [httpAgent, httpsAgent];
    this.#axios = axios.create({
      adapter: 'http',
      httpAgent,
      httpsAgent,
      proxy: false,
      maxRedirects: 0,
      decompress: false,
      responseType: 'stream',
      // Any status is a response.
      validateStatus: null,
      // A signed body must be sent unchanged.
      transformRequest: [],
      headers: { common: { Accept: '*/*', 'Accept-Encoding': 'identity' } },
    });
  }

  /**
   * Posts a body. The head of the response is the result, whatever becomes of its body, which is read in the background,
   * up to 16 KB within a second.
   * @throws RefusedAddress, the signal's reason, or an error with only a message
   */
  async post(request: OutboundRequest & { readonly body: string }): Promise<OutboundResponse> {
    return this.#send('POST', request, Buffer.from(request.body), async (response) => {
      void readAway(response.data);
      const retryAfter: unknown = response.headers['retry-after'];
      const header = typeof retryAfter === 'string' ? retryAfter : undefined;
      return { status: response.status, retryAfterSeconds: retryAfterSeconds(header, Date.now()) };
    });
  }

  /**
   * Requests a URL and returns the head of the response, with its body as a stream.
   * @throws the errors of `post`
   */
  async get(request: OutboundRequest): Promise<OutboundDownload> {
    return this.#send('GET', request, undefined, async ({ status, headers, data: body }) => {
      const single = Object.entries(headers).filter((entry): entry is [string, string] => {
        return typeof entry[1] === 'string';
      });
      return { status, headers: new Map(single), body };
    });
  }

  /** The errors of axios contain the whole request, and must not leave this function. */
  async #send<T>(
    method: string,
    { url, headers, signal }: OutboundRequest,
    data: Buffer | undefined,
    read: (response: AxiosResponse<Readable>) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    this.#guard.checkLiteral(new URL(url));
    try {
      return await read(await this.#axios.request<Readable>({ method, url, headers, signal, data }));
    } catch (error) {
      signal.throwIfAborted();
      const cause = error instanceof Error ? error.cause : undefined;
      throw cause instanceof RefusedAddress ? cause : new Error(messageOf(error));
    }
  }

  /** Closes every connection. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}

/** Makes an agent resolve names by the guard. Node does not tell an agent's own `lookup` the port. */
function guarded<A extends HttpAgent>(agent: A, guard: AddressGuard): A {
  const connect: HttpAgent['createConnection'] = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) =>
    connect({ ...options, lookup: guard.lookupFor(Number(options.port)) }, callback);
  return agent;
}

/**
 * Reads a body to its end, so that the connection can be reused; closes it if there is too much or it is too slow.
 * Never rejects.
 */
async function readAway(body: Readable): Promise<void> {
  // Errors may also be reported after the loop.
  body.on('error', () => undefined);
  const timer = setTimeout(() => body.destroy(), MAX_RESPONSE_MS);
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_RESPONSE_BYTES) break;
    }
  } catch {
    // Nobody needs the rest.
  } finally {
    clearTimeout(timer);
  }
}
