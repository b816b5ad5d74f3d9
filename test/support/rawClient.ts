import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from './eventually.js';

/** A client that writes raw bytes, for requests that `fetch` cannot send. */
export class RawClient {
  readonly socket: Socket;
  /** All bytes received. */
  received = '';
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (part) => {
      this.received += part.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async connect(baseUrl: string): Promise<RawClient> {
    const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Sends `POST path` with these headers and the given part of the body. */
  post(path: string, headers: Readonly<Record<string, string | number>>, body: Buffer | string = ''): void {
    this.send('POST', path, headers, body);
  }

  /** Like `post`, with another method. */
  send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string | number>>,
    body: Buffer | string = '',
  ): void {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    this.socket.write(body);
  }

  /** Resolves with the status of the response; ignores `100 Continue`. */
  async status(): Promise<number> {
    const final = /HTTP\/1\.1 ([2-5]\d\d) /;
    await eventually(() => {
      if (!final.test(this.received)) throw new Error(`no answer yet: ${this.received}`);
    });
    return Number(final.exec(this.received)?.[1]);
  }

  /** The JSON body of the response. */
  async json(): Promise<Record<string, unknown>> {
    await this.status();
    let body: Record<string, unknown> = {};
    await eventually(() => {
      body = JSON.parse(this.received.slice(this.received.lastIndexOf('\r\n\r\n'))) as typeof body;
    });
    return body;
  }

  async closed(): Promise<void> {
    // Node's `once` would reject if the connection was reset.
    if (!this.isClosed) await new Promise((resolve) => this.socket.once('close', resolve));
  }
}
