import { NativeClient } from './NativeClient.js';
import { Stack, type StackOptions } from './stack.js';

/** A server with the port of ComfyUI's own API, its machines, and clients, for one test at a time. */
export class NativeSite {
  #stack: Stack | undefined;
  readonly #clients: NativeClient[] = [];

  get stack(): Stack {
    if (!this.#stack) throw new Error('the site has not started');
    return this.#stack;
  }

  /** @returns a client of the server */
  async start(options: StackOptions = {}, key?: string): Promise<NativeClient> {
    this.#stack = await Stack.start({ ...options, env: { COMFYUI_API_PORT: '0', ...options.env } });
    return this.newClient(this.#stack.nativeHost, key);
  }

  /** @param host of the server, or of a machine */
  newClient(host: string, key?: string): NativeClient {
    const client = new NativeClient(host, key === undefined ? {} : { 'X-API-Key': key });
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await this.#stack?.stop();
  }
}
