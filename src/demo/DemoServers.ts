import { messageOf } from '../errors.js';
import { Child } from './children.js';

const SIMULATED_WORK_MS = 600;
const SIMULATOR = new URL('../simulator.bundle.js', import.meta.url);
const SERVER = new URL('../server.bundle.js', import.meta.url);

/** The server and its two simulated ComfyUI machines, each a separate process. */
export class DemoServers {
  /** In the order in which they stop. */
  readonly #children: Child[] = [];
  readonly #stopping: AbortSignal;

  /** @param stopping ends a start */
  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  /**
   * @param ports of the server; the first one that is free is used
   * @returns the server's URL, and `host:port` of each machine
   * @throws Error if no port is free
   */
  async start(ports: readonly number[]): Promise<{ baseUrl: string; hosts: readonly string[] }> {
    const simulators = [1, 2].map(() =>
      this.#add('simulator', SIMULATOR, ['--port', '0', '--work', String(SIMULATED_WORK_MS)], {}),
    );
    const hosts = await Promise.all(
      simulators.map((simulator) => simulator.says(/listens on (\S+)/, this.#stopping)),
    );
    for (const port of ports) {
      const baseUrl = await this.#serve(port, hosts);
      if (baseUrl !== undefined) return { baseUrl, hosts };
    }
    throw new Error(`Port ${ports.join(', ')} is in use. Choose another one with --port.`);
  }

  /** @returns the server's URL; undefined if the port is in use */
  async #serve(port: number, hosts: readonly string[]): Promise<string | undefined> {
    const server = this.#add('server', SERVER, [], {
      PORT: String(port),
      HOST: '127.0.0.1',
      LOG_DIR: '',
      COMFYUI_HOST: hosts.join(','),
    });
    try {
      const listens = await server.says(/"message":"Listening","port":(\d+)/, this.#stopping);
      await server.says(/"message":("Instance")/, this.#stopping);
      return `http://127.0.0.1:${listens}`;
    } catch (error) {
      if (messageOf(error).includes('EADDRINUSE')) return undefined;
      throw error;
    }
  }

  /** Stops all processes. The server is first: it ends its jobs on the machines. */
  async stop(): Promise<void> {
    for (const child of this.#children) await child.stop();
  }

  #add(...options: ConstructorParameters<typeof Child>): Child {
    this.#stopping.throwIfAborted();
    const child = new Child(...options);
    this.#children.unshift(child);
    return child;
  }
}
