import { once } from 'node:events';
import WebSocket from 'ws';
import { parseMachineJson } from '../../src/utils/machineJson.js';
import { eventually } from './eventually.js';

/** A text message of ComfyUI. */
export interface NativeMessage {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface NativeAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: ComfyUI's responses have as many forms as requests
  readonly json: any;
}

/** A socket to ComfyUI or something compatible, and all messages received. */
export class NativeSocket {
  readonly messages: NativeMessage[] = [];
  readonly previews: Buffer[] = [];
  /** Both, in the order in which they came. */
  readonly frames: (NativeMessage | Buffer)[] = [];
  readonly ws: WebSocket;

  constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer, isBinary) => {
      const frame = isBinary ? data : (parseMachineJson(String(data)) as NativeMessage);
      this.frames.push(frame);
      if (Buffer.isBuffer(frame)) this.previews.push(frame);
      else this.messages.push(frame);
    });
    ws.on('error', () => undefined);
  }

  /** Messages about one prompt. */
  of(promptId: string): NativeMessage[] {
    return this.messages.filter(({ data }) => data['prompt_id'] === promptId);
  }

  /** The types of these messages; `executing` with its node. */
  kinds(promptId: string): string[] {
    return this.of(promptId).map(({ type, data }) =>
      type === 'executing' || type === 'executed' ? `${type} ${data['node']}` : type,
    );
  }

  /** Waits for `executing` without a node. */
  async ended(promptId: string, ms = 10_000): Promise<void> {
    await this.heard((kinds) => kinds.includes('executing null'), promptId, ms);
  }

  async heard(isDone: (kinds: string[]) => boolean, promptId: string, ms = 10_000): Promise<void> {
    await eventually(() => {
      const kinds = this.kinds(promptId);
      if (!isDone(kinds)) throw new Error(`heard ${kinds.join(', ')}`);
    }, ms);
  }

  async close(): Promise<void> {
    const closed = once(this.ws, 'close');
    this.ws.close();
    await closed;
  }
}

/** A client for ComfyUI's API, as provided by a simulator or by the server. */
export class NativeClient {
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly #sockets: NativeSocket[] = [];

  constructor(host: string, headers: Readonly<Record<string, string>> = {}) {
    this.host = host;
    this.headers = headers;
  }

  async connect(clientId: string, query = ''): Promise<NativeSocket> {
    const ws = new WebSocket(`ws://${this.host}/ws?clientId=${clientId}${query}`, { headers: this.headers });
    const socket = new NativeSocket(ws);
    this.#sockets.push(socket);
    await once(ws, 'open');
    return socket;
  }

  /** Terminates its sockets. */
  close(): void {
    for (const { ws } of this.#sockets) ws.terminate();
  }

  async request(path: string, init: RequestInit = {}): Promise<NativeAnswer> {
    const response = await this.fetch(path, init);
    const text = await response.text();
    let json: unknown;
    try {
      json = parseMachineJson(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, type: response.headers.get('content-type'), text, json };
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://${this.host}${path}`, { ...init, headers: { ...this.headers, ...init.headers } });
  }

  // biome-ignore lint/suspicious/noExplicitAny: ComfyUI's responses have as many forms as requests
  async json(path: string): Promise<any> {
    return (await this.request(path)).json;
  }

  post(path: string, body?: unknown): Promise<NativeAnswer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.request(path, { method: 'POST', ...(body === undefined ? {} : { body: text }) });
  }

  submit(body: unknown): Promise<NativeAnswer> {
    return this.post('/prompt', body);
  }

  /** @returns the name of the uploaded file */
  async upload(
    filename: string,
    bytes: Buffer,
    fields: Readonly<Record<string, string>> = {},
    path = '/upload/image',
  ): Promise<unknown> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set('image', new Blob([new Uint8Array(bytes)]), filename);
    const { json, text } = await this.request(path, { method: 'POST', body: form });
    return json ?? text;
  }

  async view(
    place: Readonly<Record<string, string>>,
  ): Promise<{ status: number; bytes: Buffer; type: string | null }> {
    const response = await this.fetch(`/view?${new URLSearchParams(place)}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, bytes, type: response.headers.get('content-type') };
  }
}
