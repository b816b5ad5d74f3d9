import net from 'node:net';
import { freePort } from './freePort.js';

/** Forwards TCP connections to a port of this computer until it is cut. */
export class CuttableProxy {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #port = 0;
  #isCut = false;

  private constructor(target: number) {
    this.#server = net.createServer((client) => {
      if (this.#isCut) return void client.destroy();
      const server = net.connect(target, '127.0.0.1');
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      client.pipe(server).pipe(client);
    });
  }

  static async start(target: number): Promise<CuttableProxy> {
    const proxy = new CuttableProxy(target);
    proxy.#port = await freePort();
    await new Promise<void>((resolve) => proxy.#server.listen(proxy.#port, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Closes all connections, and every new one. */
  cut(): void {
    this.#isCut = true;
    this.#drop();
  }

  heal(): void {
    this.#isCut = false;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#drop();
    await closed;
  }

  #drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
