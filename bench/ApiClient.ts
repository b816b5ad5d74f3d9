import type { Dispatcher, Pool } from 'undici';
import { connect, expectImage } from './connections.js';
import { BOUNDARY, type Copy } from './pictures.js';

const FORM_HEADERS = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const REMOVE_BACKGROUND = '/api/remove-background';
const SUBMIT = '/api/async/remove-background';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Response to a submission. */
export interface Submitted {
  readonly job_id: string;
  readonly status_url: string;
  readonly result_url: string;
}

/** A client for our server, with keep-alive connections. */
export class ApiClient {
  readonly #pool: Pool;

  constructor(host: string) {
    this.#pool = connect(host);
  }

  /** Posts an image and reads the whole response. @throws Error for any status other than `expected` */
  post(path: string, image: Copy, expected: number): Promise<Buffer> {
    return this.#ask('POST', path, expected, FORM_HEADERS, image.form);
  }

  /** Removes the background of one image, synchronously. */
  async process(image: Copy): Promise<void> {
    const headers = { ...FORM_HEADERS, accept: 'image/*' };
    await expectImage(await this.#send('POST', REMOVE_BACKGROUND, headers, image.form));
  }

  /** The same as an asynchronous job, without waiting for it. */
  async submit(image: Copy): Promise<Submitted> {
    return JSON.parse((await this.post(SUBMIT, image, 202)).toString()) as Submitted;
  }

  /** The newest job, and the number of jobs. */
  async list(): Promise<{ jobs: Array<{ id: string }>; total: number }> {
    const body = await this.get('/api/jobs/list?limit=1');
    return JSON.parse(body.toString()) as { jobs: Array<{ id: string }>; total: number };
  }

  get(path: string): Promise<Buffer> {
    return this.#ask('GET', path, 200, {});
  }

  put(path: string, body: Buffer): Promise<Buffer> {
    return this.#ask('PUT', path, 200, { 'content-type': 'text/plain' }, body);
  }

  delete(path: string): Promise<Buffer> {
    return this.#ask('DELETE', path, 200, {});
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #ask(
    method: Method,
    path: string,
    expected: number,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Buffer> {
    const answer = await this.#send(method, path, headers, body);
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode !== expected) {
      throw new Error(`${method} ${path}: ${answer.statusCode} ${bytes.toString().slice(0, 300)}`);
    }
    return bytes;
  }

  #send(
    method: Method,
    path: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Dispatcher.ResponseData> {
    return this.#pool.request({ method, path, headers, body: body ?? null });
  }
}
