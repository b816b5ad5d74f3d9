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
   * @param port of the server
   * @returns the server's URL, and `host:port` of each machine
   */
  async start(port: number): Promise<{ baseUrl: string; hosts: readonly string[] }> {
    const simulators = [1, 2].map(() =>
      this.#add('simulator', SIMULATOR, ['--port', '0', '--work', String(SIMULATED_WORK_MS)], {}),
    );
    const hosts = await Promise.all(
      simulators.map((simulator) => simulator.says(/listens on (\S+)/, this.#stopping)),
    );
    const server = this.#add('server', SERVER, [], {
      PORT: String(port),
      HOST: '127.0.0.1',
      LOG_DIR: '',
      COMFYUI_HOST: hosts.join(','),
    });
    const listens = await server.says(/"message":"Listening","port":(\d+)/, this.#stopping);
    await server.says(/"message":("Instance")/, this.#stopping);
    return { baseUrl: `http://127.0.0.1:${listens}`, hosts };
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
