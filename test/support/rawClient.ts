import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from './eventually.js';

/** A client that writes its own bytes, for what `fetch` would never send. */
export class RawClient {
  readonly socket: Socket;
  /** Everything that came back, byte for byte. */
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

  /** Sends `POST path` with these headers, and as much of the body as is given. */
  post(path: string, headers: Readonly<Record<string, string | number>>, body: Buffer | string = ''): void {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
    this.socket.write(body);
  }

  /** Resolves with the status of the answer, `100 Continue` left aside. */
  async status(): Promise<number> {
    const final = /HTTP\/1\.1 ([2-5]\d\d) /;
    await eventually(() => {
      if (!final.test(this.received)) throw new Error(`no answer yet: ${this.received}`);
    });
    return Number(final.exec(this.received)?.[1]);
  }

  /** The JSON body of the answer. */
  async json(): Promise<Record<string, unknown>> {
    await this.status();
    let body: Record<string, unknown> = {};
    await eventually(() => {
      body = JSON.parse(this.received.slice(this.received.lastIndexOf('\r\n\r\n'))) as typeof body;
    });
    return body;
  }

  async closed(): Promise<void> {
    // `once` of Node would fail where the connection was reset.
    if (!this.isClosed) await new Promise((resolve) => this.socket.once('close', resolve));
  }
}
