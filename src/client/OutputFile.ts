import type { z } from 'zod';
import type { outputFields } from '../schemas/outputs.js';

type OutputDescription = z.output<typeof outputFields>['outputs'][number];

/** One thing that a job made. Its bytes are fetched when they are asked for. */
export class OutputFile {
  /** The workflow's name for it; several things that one node made have the same. */
  readonly name: string;
  readonly kind: OutputDescription['kind'];
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly filename: string;
  /** Pixels; undefined where it is no image. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Where its bytes are, on the server or as a whole address. */
  readonly url: string;
  readonly #text: string | undefined;
  readonly #fetch: (url: string, signal: AbortSignal | undefined) => Promise<Response>;

  constructor(
    description: OutputDescription,
    fetchUrl: (url: string, signal: AbortSignal | undefined) => Promise<Response>,
  ) {
    this.name = description.name;
    this.kind = description.kind;
    this.mimeType = description.mime_type;
    this.sizeBytes = description.size_bytes;
    this.filename = description.filename;
    this.width = description.width;
    this.height = description.height;
    this.url = description.url;
    this.#text = description.text;
    this.#fetch = fetchUrl;
  }

  /**
   * The server's answer with the bytes, to be read as a stream.
   * @throws MiddlewareError `RESULT_EXPIRED`, `JOB_NOT_FOUND`
   */
  response(signal?: AbortSignal): Promise<Response> {
    return this.#fetch(this.url, signal);
  }

  async blob(signal?: AbortSignal): Promise<Blob> {
    return (await this.response(signal)).blob();
  }

  async bytes(signal?: AbortSignal): Promise<Uint8Array> {
    return new Uint8Array(await (await this.response(signal)).arrayBuffer());
  }

  /** The bytes as text. Of a text that is not long no request is made. */
  async text(signal?: AbortSignal): Promise<string> {
    return this.#text ?? (await this.response(signal)).text();
  }
}
