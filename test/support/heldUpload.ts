import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const BOUNDARY = 'held-upload';

/** A complete multipart request, with `bytes` in `imageFile`, as sent over the wire. */
export function rawUpload(path: string, bytes: Buffer): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="imageFile"; filename="a.png"\r\n\r\n`;
  const tail = `\r\n--${BOUNDARY}--\r\n`;
  const headers =
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
    `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\n` +
    `Content-Length: ${head.length + bytes.length + tail.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(headers + head), bytes, Buffer.from(tail)]);
}

/** A request that pauses half way until it is continued. */
export class HeldUpload {
  readonly #socket: Socket;
  readonly #rest: Buffer;
  #answer = '';

  private constructor(socket: Socket, rest: Buffer) {
    this.#socket = socket;
    this.#rest = rest;
    socket.on('data', (part) => {
      this.#answer += part.toString('latin1');
    });
    // A server may respond and close before it has read everything. The response counts.
    socket.on('error', () => undefined);
  }

  /** Resolves when the first half has been sent. */
  static async begin(port: number, request: Buffer): Promise<HeldUpload> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const half = Math.floor(request.length / 2);
    const upload = new HeldUpload(socket, request.subarray(half));
    await new Promise((resolve) => socket.write(request.subarray(0, half), resolve));
    return upload;
  }

  /** Sends the rest. @returns the status of the response */
  async finish(): Promise<number> {
    this.#socket.write(this.#rest);
    return this.refused();
  }

  /** Waits for the response without sending the rest. @returns the status of the response */
  async refused(): Promise<number> {
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once('close', resolve));
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.#answer)?.[1]);
  }
}
