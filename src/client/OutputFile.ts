import type { z } from 'zod';
import type { outputFields } from '../schemas/outputs.js';

type OutputDescription = z.output<typeof outputFields>['outputs'][number];

/** One output of a job. Its bytes are fetched on demand. */
export class OutputFile {
  /** The workflow's name for the output; all outputs of one node have the same name. */
  readonly name: string;
  readonly kind: OutputDescription['kind'];
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly filename: string;
  /** Pixels; undefined if it is no image. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Position of a cropped image in the original, and the size of the original, in pixels. */
  readonly crop: OutputDescription['crop'];
  /** URL of the bytes: a path on the server or an absolute URL. */
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
    this.crop = description.crop;
    this.url = description.url;
    this.#text = description.text;
    this.#fetch = fetchUrl;
  }

  /**
   * Requests the bytes and returns the response, which can be read as a stream.
   * @throws MiddlewareError `RESULT_EXPIRED`, `JOB_NOT_FOUND`
   */
  response(signal?: AbortSignal): Promise<Response> {
    return this.#fetch(this.url, signal);
  }

  async blob(signal?: AbortSignal): Promise<Blob> {
    return (await this.response(signal)).blob();
  }

  async bytes(signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await (await this.response(signal)).arrayBuffer());
  }

  /** Returns the output as text. A short text needs no request. */
  async text(signal?: AbortSignal): Promise<string> {
    return this.#text ?? (await this.response(signal)).text();
  }
}
