import { randomUUID } from 'node:crypto';
import type { Pool } from 'undici';
import WebSocket from 'ws';
import { connect, expectImage } from './connections.js';

/** A file as ComfyUI names it. */
export interface OutputFile {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

export type Graph = Readonly<
  Record<string, { class_type: string; inputs: Readonly<Record<string, unknown>> }>
>;

interface Message {
  readonly type: string;
  readonly data: {
    readonly node?: string | null;
    readonly prompt_id?: string;
    readonly output?: { readonly images?: readonly OutputFile[] };
  };
}

/** The minimum that a client of ComfyUI needs: one socket and keep-alive connections. No checks, no timeouts. */
export class ComfyConnection {
  readonly #pool: Pool;
  readonly #socket: WebSocket;
  readonly #clientId: string;
  /** Callbacks for the end of a prompt, by its id. */
  readonly #waiting = new Map<string, (file: OutputFile | undefined) => void>();
  readonly #files = new Map<string, OutputFile>();

  private constructor(host: string) {
    this.#pool = connect(host);
    this.#clientId = randomUUID();
    this.#socket = new WebSocket(`ws://${host}/ws?clientId=${this.#clientId}`, { perMessageDeflate: false });
    this.#socket.on('message', (data) => this.#onMessage(JSON.parse(String(data)) as Message));
  }

  static async open(host: string): Promise<ComfyConnection> {
    const connection = new ComfyConnection(host);
    await new Promise((resolve, reject) => connection.#socket.once('open', resolve).once('error', reject));
    return connection;
  }

  /**
   * Submits a prompt and waits for its end and its history entry.
   * @returns its id, and the last file that its output node named
   */
  async run(prompt: Graph): Promise<{ id: string; file: OutputFile | undefined }> {
    const id = randomUUID();
    const over = new Promise<OutputFile | undefined>((resolve) => this.#waiting.set(id, resolve));
    const body = JSON.stringify({ prompt, client_id: this.#clientId, prompt_id: id });
    await this.post('/prompt', 'application/json', body);
    return { id, file: await over };
  }

  /** @returns the JSON response. @throws Error for any status other than 200 */
  async post(path: string, contentType: string, body: string | Buffer): Promise<unknown> {
    const headers = { 'content-type': contentType };
    const answer = await this.#pool.request({ method: 'POST', path, headers, body });
    if (answer.statusCode !== 200)
      throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`);
    return answer.body.json();
  }

  async getJson(path: string): Promise<unknown> {
    return (await this.#pool.request({ method: 'GET', path })).body.json();
  }

  /** Downloads an image and discards it. */
  async view(file: OutputFile | undefined): Promise<void> {
    if (!file) throw new Error('no image came of it');
    const { filename, subfolder, type } = file;
    const path = `/view?${new URLSearchParams({ filename, subfolder, type })}`;
    await expectImage(await this.#pool.request({ method: 'GET', path }));
  }

  async close(): Promise<void> {
    this.#socket.terminate();
    await this.#pool.destroy();
  }

  #onMessage({ type, data }: Message): void {
    const id = data.prompt_id ?? '';
    const [file] = data.output?.images ?? [];
    if (type === 'executed' && file) this.#files.set(id, file);
    if (type !== 'executing' || data.node !== null) return;
    this.#waiting.get(id)?.(this.#files.get(id));
    this.#waiting.delete(id);
    this.#files.delete(id);
  }
}
