import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import { eventually } from './eventually.js';
import { NativeClient, type NativeMessage, type NativeSocket } from './NativeClient.js';
import { jpeg } from './pictures.js';
import { Stack } from './stack.js';

/** Requests of a ComfyUI client. */
type Scenario = (replay: NativeReplay) => Promise<void>;

interface Answer {
  readonly request: string;
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
}

/** Name of the uploaded image, as loaders use it. */
export const SLOT = 'slot.jpg [temp]';

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** What the server adds to file names. */
const MARK = new RegExp(`[-_]${UUID.source}`, 'g');
const RANDOM_NAME = /ComfyUI_temp_[a-z]{5}_\d{5}_/g;
/** Fields whose values are not compared: times, counts, and Python tracebacks, which errors of the server do not have. */
const UNLIKE = new Set(['timestamp', 'create_time', 'queue_remaining', 'number', 'traceback']);

/** Sends the requests of one client to a ComfyUI API, and records all responses and messages. */
export class NativeReplay {
  readonly client: NativeClient;
  /** The simulated ComfyUI: the target itself, or the machine behind the server. */
  readonly simulator: Simulator;
  readonly #answers: Answer[] = [];
  readonly #sockets = new Map<string, NativeSocket>();
  /** Ids of prompts. */
  readonly #ids: string[] = [];

  constructor(host: string, simulator: Simulator) {
    this.client = new NativeClient(host);
    this.simulator = simulator;
  }

  /** Opens a socket and waits for the first message. @param name of the socket in the test */
  async connect(name: string, clientId = name): Promise<NativeSocket> {
    const socket = await this.client.connect(clientId);
    this.#sockets.set(name, socket);
    await eventually(() => {
      if (socket.messages.length === 0) throw new Error('no message yet');
    });
    return socket;
  }

  /** Returns an open socket. */
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

  /** Submits a prompt. @returns its id; empty if it was rejected */
  async submit(clientId: string, prompt: unknown, more: object = {}): Promise<string> {
    const { text } = await this.post('/prompt', { prompt, client_id: clientId, ...more });
    const { prompt_id: id = '' } = JSON.parse(text) as { prompt_id?: string };
    if (id !== '') this.#ids.push(id);
    return id;
  }

  /** Submits a prompt, waits for its end, and fetches its history. */
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

  /** Returns status and fields of each response, in order. */
  get answers(): string[] {
    return this.#answers.map(({ status, text }) => `${status} ${fieldsOf(this.#plain(text))}`.trim());
  }

  /** Returns the responses without ids, times and counts. Error messages may differ. */
  get answerShapes(): unknown[] {
    return this.#answers.map(({ request, status, type, text }) => {
      const about = { request: this.#plainIds(request), status };
      if (status >= 400 && !request.endsWith(' /prompt')) return about;
      return { ...about, type, body: type?.startsWith('image/') ? 'image' : this.#plain(text) };
    });
  }

  /** Returns the messages of a socket in order: type and node of each. */
  heard(name: string): string[] {
    return this.socket(name).frames.map((frame) => {
      if (Buffer.isBuffer(frame)) return `preview ${frame.readUInt32BE(0)}`;
      const { type, data } = frame;
      if (type === 'status' && 'sid' in data) return 'status sid';
      return type === 'executing' || type === 'executed' ? `${type} ${data['node']}` : type;
    });
  }

  /** Returns all text messages of all sockets. */
  get messages(): NativeMessage[] {
    return [...this.#sockets.values()].flatMap(({ messages }) => messages);
  }

  /** Returns the messages of a socket without ids, times and counts. */
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
    const kept = (key: string, value: unknown) => {
      if (UNLIKE.has(key)) return 0;
      return key === 'current_inputs' ? withoutTensors(value) : value;
    };
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

/** Runs prompts one after the other; socket A follows each to its end. */
export const runAll =
  (...prompts: readonly object[]) =>
  async (one: NativeReplay) => {
    const socket = await one.connect('A');
    for (const prompt of prompts) await one.run(socket, 'A', prompt);
  };

/**
 * Runs a scenario twice, with an uploaded image named `SLOT`: on a simulated ComfyUI, and on the server's port in front of
 * another one.
 */
export async function replay(
  scenario: Scenario,
  options: SimulatorOptions = {},
): Promise<{ machine: NativeReplay; server: NativeReplay }> {
  const simulator = await startSimulator(options);
  // Clients are told the upload limit: use that of ComfyUI.
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

/** Removes values that other nodes computed, which the server does not send. */
function withoutTensors(inputs: unknown): unknown {
  if (Array.isArray(inputs)) return inputs;
  const isTensor = (value: unknown) => JSON.stringify(value).startsWith('["tensor(');
  return Object.fromEntries(Object.entries(inputs as object).filter(([, value]) => !isTensor(value)));
}
