import { randomUUID } from 'node:crypto';
import { type Dispatcher, Pool } from 'undici';
import WebSocket from 'ws';
import { BOUNDARY, type Copy } from './pictures.js';

const FORM_HEADERS = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const REMOVE_BACKGROUND = '/api/remove-background';
const SUBMIT = '/api/async/remove-background';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Where to ask for a job that was submitted. */
export interface Submitted {
  readonly job_id: string;
  readonly status_url: string;
  readonly result_url: string;
}

/** Kept-alive connections to one server. */
function connect(host: string, connections = 16): Pool {
  return new Pool(`http://${host}`, {
    connections,
    pipelining: 1,
    headersTimeout: 60_000,
    bodyTimeout: 60_000,
  });
}

/**
 * Takes an image as it comes, and keeps nothing of it: what the load collects, the server has to wait for.
 * @throws Error for anything else
 */
async function expectImage({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<void> {
  if (statusCode !== 200 || headers['content-type'] !== 'image/png') {
    throw new Error(`${statusCode} ${(await body.text()).slice(0, 300)}`);
  }
  let length = 0;
  for await (const part of body as AsyncIterable<Buffer>) length += part.length;
  if (length !== Number(headers['content-length'])) throw new Error(`${length} bytes of an image`);
}

/** A client of our server, over kept-alive connections. */
export class ApiClient {
  readonly #pool: Pool;

  constructor(host: string) {
    this.#pool = connect(host);
  }

  /** Posts an image and reads the whole answer. @throws Error for any other status than `expected` */
  post(path: string, image: Copy, expected: number): Promise<Buffer> {
    return this.#ask('POST', path, expected, FORM_HEADERS, image.form);
  }

  /** Background removal of one image, waited for. */
  async process(image: Copy): Promise<void> {
    const headers = { ...FORM_HEADERS, accept: 'image/*' };
    await expectImage(await this.#send('POST', REMOVE_BACKGROUND, headers, image.form));
  }

  /** The same, not waited for. */
  async submit(image: Copy): Promise<Submitted> {
    return JSON.parse((await this.post(SUBMIT, image, 202)).toString()) as Submitted;
  }

  /** The newest job, and how many there are. */
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

/**
 * The least that a client of ComfyUI itself can do: one socket, POST, wait for `executing` with no node, history,
 * view. No checks, no timeouts, no jobs.
 */
export class BareClient {
  readonly #pool: Pool;
  readonly #socket: WebSocket;
  readonly #clientId: string;
  readonly #waiting = new Map<string, () => void>();

  private constructor(host: string) {
    this.#pool = connect(host);
    this.#clientId = randomUUID();
    this.#socket = new WebSocket(`ws://${host}/ws?clientId=${this.#clientId}`, { perMessageDeflate: false });
    this.#socket.on('message', (data) => {
      const { type, data: about } = JSON.parse(String(data)) as {
        type: string;
        data: { node?: string | null; prompt_id?: string };
      };
      if (type === 'executing' && about.node === null) this.#waiting.get(String(about.prompt_id))?.();
    });
  }

  static async connect(host: string): Promise<BareClient> {
    const client = new BareClient(host);
    await new Promise((resolve, reject) => client.#socket.once('open', resolve).once('error', reject));
    return client;
  }

  /** Background removal of one image. */
  async process(image: Copy): Promise<void> {
    const id = randomUUID();
    const prompt = {
      '1': { class_type: 'ETN_LoadImageBase64', inputs: { image: image.png.toString('base64') } },
      '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
      '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'bare' } },
    };
    const done = new Promise<void>((resolve) => this.#waiting.set(id, resolve));
    await this.#json('POST', '/prompt', JSON.stringify({ prompt, client_id: this.#clientId, prompt_id: id }));
    await done;
    this.#waiting.delete(id);
    const history = (await this.#json('GET', `/history/${id}`)) as Record<
      string,
      { outputs: Record<string, { images: Array<{ filename: string; subfolder: string; type: string }> }> }
    >;
    const file = history[id]?.outputs['3']?.images[0];
    if (!file) throw new Error('no image came of it');
    const answer = await this.#pool.request({
      method: 'GET',
      path: `/view?${new URLSearchParams({ ...file })}`,
    });
    await expectImage(answer);
  }

  async close(): Promise<void> {
    this.#socket.terminate();
    await this.#pool.destroy();
  }

  async #json(method: 'GET' | 'POST', path: string, body?: string): Promise<unknown> {
    const answer = await this.#pool.request({ method, path, body: body ?? null });
    return answer.body.json();
  }
}
