import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import { eventually } from './eventually.js';
import { NativeClient, type NativeMessage, type NativeSocket } from './NativeClient.js';
import { jpeg } from './pictures.js';
import { Stack } from './stack.js';

/** What a client of ComfyUI does. */
type Scenario = (replay: NativeReplay) => Promise<void>;

interface Answer {
  readonly request: string;
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

/** The name of the picture that is there, as a loader takes it. */
export const SLOT = 'slot.jpg [temp]';

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** What the server puts into the names of files. */
const MARK = new RegExp(`-${UUID.source}`, 'g');
const RANDOM_NAME = /ComfyUI_temp_[a-z]{5}_\d{5}_/g;
/** Fields whose values are not compared: times, counts, and Python's tracebacks, which the server's own refusals have none of. */
const UNLIKE = new Set(['timestamp', 'queue_remaining', 'number', 'traceback']);

/** One client's requests to something that looks like ComfyUI, and all that it gets back. */
export class NativeReplay {
  readonly client: NativeClient;
  /** The ComfyUI itself, or the one behind the server. */
  readonly simulator: Simulator;
  readonly #answers: Answer[] = [];
  readonly #sockets = new Map<string, NativeSocket>();
  /** Ids of prompts. */
  readonly #ids: string[] = [];

  constructor(host: string, simulator: Simulator) {
    this.client = new NativeClient(host);
    this.simulator = simulator;
  }

  /** Opens a socket and waits for the first message. @param name what the socket is called in the test */
  async connect(name: string, clientId = name): Promise<NativeSocket> {
    const socket = await this.client.connect(clientId);
    this.#sockets.set(name, socket);
    await eventually(() => {
      if (socket.messages.length === 0) throw new Error('no message yet');
    });
    return socket;
  }

  /** A socket that was opened. */
  socket(name: string): NativeSocket {
    const socket = this.#sockets.get(name);
    if (!socket) throw new Error(`no socket ${name}`);
    return socket;
  }

  async request(path: string, init: RequestInit = {}): Promise<Answer> {
    const { status, type, text } = await this.client.request(path, init);
    const answer = { request: `${init.method ?? 'GET'} ${path}`, status, type, text };
    this.#answers.push(answer);
    return answer;
  }

  post(path: string, body?: unknown): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.request(path, { method: 'POST', ...(body === undefined ? {} : { body: text }) });
  }

  /** Submits a prompt. @returns its id; an empty one where it was refused */
  async submit(clientId: string, prompt: unknown, more: object = {}): Promise<string> {
    const { text } = await this.post('/prompt', { prompt, client_id: clientId, ...more });
    const { prompt_id: id = '' } = JSON.parse(text) as { prompt_id?: string };
    if (id !== '') this.#ids.push(id);
    return id;
  }

  /** Submits a prompt, waits for its end, and asks for its history. */
  async run(socket: NativeSocket, clientId: string, prompt: unknown, more: object = {}): Promise<string> {
    const id = await this.submit(clientId, prompt, more);
    await socket.ended(id);
    await this.request(`/history/${id}`);
    return id;
  }

  async upload(filename: string, bytes: Buffer, fields: Readonly<Record<string, string>>): Promise<void> {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    body.set('image', new Blob([new Uint8Array(bytes)]), filename);
    await this.request('/upload/image', { method: 'POST', body });
  }

  /** Status and fields of each answer, in order. */
  get answers(): string[] {
    return this.#answers.map(({ status, text }) => `${status} ${fieldsOf(this.#plain(text))}`.trim());
  }

  /** Everything about each answer but ids, times and counts. What refuses a request says so in its own words. */
  get answerShapes(): unknown[] {
    return this.#answers.map(({ request, status, type, text }) => {
      const about = { request: this.#plainIds(request), status };
      if (status >= 400 && !request.endsWith(' /prompt')) return about;
      return { ...about, type, body: type?.startsWith('image/') ? 'image' : this.#plain(text) };
    });
  }

  /** What a socket got, in order: the type of each message, and its node. */
  heard(name: string): string[] {
    return this.socket(name).frames.map((frame) => {
      if (Buffer.isBuffer(frame)) return `preview ${frame.readUInt32BE(0)}`;
      const { type, data } = frame;
      if (type === 'status' && 'sid' in data) return 'status sid';
      return type === 'executing' || type === 'executed' ? `${type} ${data['node']}` : type;
    });
  }

  /** All text messages of all sockets. */
  get messages(): NativeMessage[] {
    return [...this.#sockets.values()].flatMap(({ messages }) => messages);
  }

  /** Everything about what a socket got but ids, times and counts. */
  heardShapes(name: string): unknown[] {
    return this.socket(name).frames.map((frame) => {
      if (!Buffer.isBuffer(frame)) return this.#plain(JSON.stringify(frame));
      const isNamed = frame.readUInt32BE(0) === 4;
      const length = isNamed ? frame.readUInt32BE(4) : 0;
      const head = isNamed ? this.#plain(frame.toString('utf8', 8, 8 + length)) : frame.readUInt32BE(4);
      return { head, image: frame.subarray(8 + length, 12 + length).toString('latin1') };
    });
  }

  #plain(text: string): unknown {
    const plain = this.#plainIds(text);
    const kept = (key: string, value: unknown) => (UNLIKE.has(key) ? 0 : value);
    try {
      return JSON.parse(plain, kept);
    } catch {
      return plain;
    }
  }

  #plainIds(text: string): string {
    const named = text.replaceAll(MARK, '').replaceAll(RANDOM_NAME, 'ComfyUI_temp');
    return [...new Set(this.#ids)].reduce((so, id, n) => so.replaceAll(id, `prompt ${n}`), named);
  }
}

function fieldsOf(body: unknown): string {
  if (Array.isArray(body)) return 'list';
  return typeof body === 'object' && body !== null ? Object.keys(body).join(',') || '{}' : '';
}

/** One prompt after the other, each followed to its end by a socket called A. */
export const runAll =
  (...prompts: readonly object[]) =>
  async (one: NativeReplay) => {
    const socket = await one.connect('A');
    for (const prompt of prompts) await one.run(socket, 'A', prompt);
  };

/**
 * Plays a scenario twice, with a picture that is there under the name `SLOT`: on a simulated ComfyUI, and on the server's port in
 * front of another one like it.
 */
export async function replay(
  scenario: Scenario,
  options: SimulatorOptions = {},
): Promise<{ machine: NativeReplay; server: NativeReplay }> {
  const simulator = await startSimulator(options);
  // What it takes is told to clients: as much as a ComfyUI.
  const env = { COMFYUI_API_PORT: '0', MAX_FILE_SIZE: String(100 * 1024 * 1024) };
  const stack = await Stack.start({ simulators: [options], env });
  const machine = new NativeReplay(simulator.host, simulator);
  const server = new NativeReplay(stack.nativeHost, stack.simulator());
  const slot = await jpeg();
  try {
    for (const one of [machine, server]) {
      await one.client.upload('slot.jpg', slot, { type: 'temp', overwrite: 'true' });
      await scenario(one);
    }
  } finally {
    for (const { client } of [machine, server]) client.close();
    await Promise.all([simulator.stop(), stack.stop()]);
  }
  return { machine, server };
}
