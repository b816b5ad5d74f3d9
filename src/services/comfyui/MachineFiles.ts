import type { Readable } from 'node:stream';
import { PromptError } from '../../errors.js';
import { typeOf } from './exchange.js';
import type { HttpTransport, ResponseHead, TransportAnswer, TransportRequest } from './HttpTransport.js';
import type { OutputFile } from './outputItems.js';

/** A request for a file that is not a plain `GET`. */
export interface PartRequest {
  readonly method: 'GET' | 'HEAD';
  /** `Range`, `If-None-Match` and the like. */
  readonly headers: Readonly<Record<string, string>>;
}

type ViewRequest = Partial<PartRequest> &
  Pick<TransportRequest, 'timeoutMs' | 'signal' | 'receive' | 'alsoReceives'>;

export interface MachineFilesOptions {
  /** Timeout for small requests (checks, interrupt), and for a stalled larger one, ms. */
  readonly controlTimeoutMs: number;
  /** Timeout for a whole request with an image, ms. */
  readonly transferTimeoutMs: number;
  /** Timeout for a stalled request with a file that is not in memory; there is no timeout for the whole request, ms. */
  readonly streamTimeoutMs: number;
  /** Maximum size of a `GET /view` response, bytes. */
  readonly maxResultBytes: number;
}

/** Partial content, not modified, and a range that is not satisfiable. */
const PART_STATUSES: ReadonlySet<number> = new Set([206, 304, 416]);

/** ComfyUI's responses for a file name with `..`, an unknown type of folder, and a subfolder that leads out. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403]);

const PAGE = /^(text\/html|application\/xhtml\+xml)\b/i;
/** The name of a page, maybe of a compressed one: older versions of ComfyUI send it as such. */
const PAGE_NAME = /\.(s?html?|xht(ml)?)\b/i;

/** Reads files in an instance's folders, through `/view`. Every method rejects like those of `ComfyClient`. */
export class MachineFiles {
  readonly #transport: HttpTransport;
  readonly #options: MachineFilesOptions;

  constructor(transport: HttpTransport, options: MachineFilesOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /**
   * `GET /view`: the bytes of a file.
   * @throws PromptError `result gone` if the file does not exist, `unreadable result` if a page came instead of it, `result out of reach`,
   * `result too large`
   */
  async view(file: OutputFile, signal?: AbortSignal): Promise<Buffer> {
    const timeoutMs = this.#options.transferTimeoutMs;
    return (await this.#view(file, { timeoutMs, signal })).bytes;
  }

  /**
   * Like `view`, as a stream.
   * @param receive reads the bytes; called only if the file exists. The stream fails with the errors of `view`
   * @returns the result of `receive`
   * @throws the errors of `view` and of `receive`
   */
  async stream<T>(
    file: OutputFile,
    receive: (body: Readable, head: ResponseHead) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#stream(file, receive, { signal });
  }

  /**
   * Like `stream`, for a request that may have conditions or want a part of the file only.
   * @param receive gets a response of status 200, 206, 304 or 416
   */
  async part<T>(
    file: OutputFile,
    request: PartRequest,
    receive: (body: Readable, head: ResponseHead) => Promise<T>,
  ): Promise<T> {
    return this.#stream(file, receive, { ...request, alsoReceives: PART_STATUSES });
  }

  /** `HEAD /view`: whether a file exists. */
  async has({ filename, subfolder, type }: OutputFile, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#transport.request({
      method: 'HEAD',
      path: '/view',
      params: { filename, subfolder, type },
      timeoutMs: this.#options.controlTimeoutMs,
      // The header gives the length of a body that is not sent.
      maxBytes: Number.POSITIVE_INFINITY,
      signal,
    });
    if (answer.status === 404) return false;
    answer.expectOk();
    if (isOfProxy(filename, answer.type)) throw pageInstead();
    return true;
  }

  async #stream<T>(
    file: OutputFile,
    receive: (body: Readable, head: ResponseHead) => Promise<T>,
    how: Omit<ViewRequest, 'timeoutMs' | 'receive'>,
  ): Promise<T> {
    let received: { readonly value: T } | undefined;
    const answer = await this.#view(file, {
      ...how,
      timeoutMs: this.#options.streamTimeoutMs,
      receive: async (body, head) => {
        if (isOfProxy(file.filename, typeOf(head.headers))) throw pageInstead();
        received = { value: await receive(body, head) };
      },
    });
    if (!received) throw answer.unexpected('gave an empty response');
    return received.value;
  }

  async #view({ filename, subfolder, type }: OutputFile, how: ViewRequest): Promise<TransportAnswer> {
    const answer = await this.#transport.request({
      ...how,
      method: how.method ?? 'GET',
      path: '/view',
      params: { filename, subfolder, type },
      // The header of a HEAD gives the length of a body that is not sent.
      maxBytes: how.method === 'HEAD' ? Number.POSITIVE_INFINITY : this.#options.maxResultBytes,
      isResult: true,
    });
    if (answer.status === 200 && isOfProxy(filename, answer.type)) throw pageInstead();
    if (how.alsoReceives?.has(answer.status)) return answer;
    if (answer.status === 404) {
      throw new PromptError('result gone', 'ComfyUI no longer has the result file of this prompt.');
    }
    // A body is not ComfyUI's, but for example a proxy's page.
    if (REFUSALS.has(answer.status) && answer.bytes.length === 0) {
      throw new PromptError(
        'result out of reach',
        'ComfyUI does not hand out the result file: its name contains "..", or it is outside of the folders for results.',
      );
    }
    answer.expectOk();
    return answer;
  }
}

/**
 * Whether a response is a page of something between this server and ComfyUI, such as a proxy that asks to sign in. ComfyUI sends pages as
 * `application/octet-stream`.
 */
function isOfProxy(filename: string, type: string | undefined): boolean {
  return type !== undefined && PAGE.test(type) && !PAGE_NAME.test(filename);
}

function pageInstead(): PromptError {
  return new PromptError(
    'unreadable result',
    'A page came instead of the result file, probably from a proxy.',
  );
}
