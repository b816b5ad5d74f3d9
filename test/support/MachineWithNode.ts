import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { WebSocketServer } from 'ws';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Stack } from './stack.js';

/**
 * A ComfyUI with a custom node that has a note, a log that does not end, a WebSocket that echoes its messages, and uploads that it
 * drops. It records all requests.
 */
export class MachineWithNode {
  /** Method and URL of each request, including those for WebSockets. */
  readonly calls: string[] = [];
  /** URL and headers of each request for the node's WebSocket. */
  readonly requests: { readonly url: string | undefined; readonly headers: IncomingHttpHeaders }[] = [];
  readonly sockets = new WebSocketServer({ noServer: true });
  /** Open responses that do not end. */
  readonly logs = new Set<ServerResponse>();
  readonly #simulator: Simulator;
  readonly #server: Server;

  private constructor(simulator: Simulator) {
    this.#simulator = simulator;
    const rest = createProxyMiddleware({ target: `http://${simulator.host}` });
    this.#server = createServer((request, response) => {
      this.calls.push(`${request.method} ${request.url}`);
      if (request.url === '/custom/note') return void response.end('a note');
      if (request.url === '/custom/drop') return void request.socket.destroy();
      if (request.url !== '/custom/log') return void rest(request, response);
      this.logs.add(response);
      response.once('close', () => this.logs.delete(response)).write('begin\n');
    });
    this.sockets.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    this.#server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy());
      this.calls.push(`${request.method} ${request.url}`);
      if (!/^\/(api\/)?custom\//.test(request.url ?? '')) {
        rest.upgrade(request, socket as Socket, head);
        return;
      }
      this.requests.push({ url: request.url, headers: request.headers });
      this.sockets.handleUpgrade(request, socket, head, (one) => this.sockets.emit('connection', one));
    });
  }

  static async start(): Promise<MachineWithNode> {
    const machine = new MachineWithNode(await startSimulator());
    await once(machine.#server.listen(0, '127.0.0.1'), 'listening');
    return machine;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Starts a server with this machine, and with ComfyUI's own API. */
  serve(env: Readonly<Record<string, string>>): Promise<Stack> {
    return Stack.start({ simulators: [], env: { COMFYUI_HOST: this.host, COMFYUI_API_PORT: '0', ...env } });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#simulator.stop();
  }
}
