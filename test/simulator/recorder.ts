import WebSocket from 'ws';
import type { Simulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';

export interface Frame {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** A bare WebSocket client that records all frames. */
export class FrameRecorder {
  readonly frames: Frame[] = [];
  readonly binary: Buffer[] = [];
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.binary.push(data as Buffer);
      else this.frames.push(JSON.parse(String(data)));
    });
    socket.on('error', () => undefined);
  }

  static async open(simulator: Simulator, clientId: string, path = '/ws'): Promise<FrameRecorder> {
    const socket = new WebSocket(`ws://${simulator.host}${path}?clientId=${clientId}`);
    const recorder = new FrameRecorder(socket);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return recorder;
  }

  /** Frames about one prompt. */
  of(promptId: string): Frame[] {
    return this.frames.filter(({ data }) => data['prompt_id'] === promptId);
  }

  /** The types of these frames, followed by the node if there is one. */
  types(promptId: string): string[] {
    return this.of(promptId).map(({ type, data }) => ('node' in data ? `${type} ${data['node']}` : type));
  }

  async ended(promptId: string): Promise<void> {
    await eventually(() => {
      if (!this.types(promptId).includes('executing null')) throw new Error(`only ${this.types(promptId)}`);
    });
  }

  /** Waits for a frame with this type. */
  async hears(type: string): Promise<void> {
    await eventually(() => {
      if (!this.frames.some((frame) => frame.type === type)) throw new Error(`no ${type} yet`);
    });
  }

  send(message: unknown): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** Resolves when the pong arrives. */
  ping(): Promise<unknown> {
    const ponged = new Promise((resolve) => this.#socket.once('pong', resolve));
    this.#socket.ping();
    return ponged;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.close();
    await closed;
  }
}

/** Sends an HTTP request to the simulator. */
export async function call(
  simulator: Simulator,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; type: string | null; text: string; json: never }> {
  const response = await fetch(`http://${simulator.host}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type');
  return {
    status: response.status,
    type,
    text,
    json: (type?.includes('json') ? JSON.parse(text) : undefined) as never,
  };
}
