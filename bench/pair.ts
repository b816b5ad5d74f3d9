import { ApiClient } from './ApiClient.js';
import { ComfyConnection } from './ComfyConnection.js';
import { Machines } from './machines.js';
import { perSecond } from './measure.js';
import { type Copy, LARGE, Picture, SMALL } from './pictures.js';
import type { Way } from './ways.js';

export const WIDTH = 8;

/** Results that are kept: all of them would be gigabytes. */
export const KEPT_RESULTS = { MAX_RESULT_MEMORY: String(256 * 1024 ** 2) };

/** Two simulated machines with the server in front of them, and a client that talks to each of them itself. */
export class Pair {
  readonly api: ApiClient;
  readonly #machines: Machines;
  readonly #connections: readonly ComfyConnection[];
  readonly #way: Way;
  #turn = 0;

  private constructor(machines: Machines, api: ApiClient, connections: readonly ComfyConnection[], way: Way) {
    this.#machines = machines;
    this.api = api;
    this.#connections = connections;
    this.#way = way;
  }

  /**
   * @param jobs small ones that are done by way of warming up, until server, machines and load are compiled; half as many
   *   by the client without the server, which is less to compile
   * @param way of the client without the server
   * @param pngCost share of ComfyUI's time for reading and writing images that the machines take
   */
  static async start(jobs: number, way: Way, pngCost = 0): Promise<Pair> {
    const machines = await Machines.start([0, 0], KEPT_RESULTS, [], pngCost);
    const connections = await Promise.all(machines.simulators.map((host) => ComfyConnection.open(host)));
    const pair = new Pair(machines, new ApiClient(machines.server), connections, way);
    for (const [size, count] of [
      [SMALL, jobs],
      [LARGE, jobs / 40],
    ] as const) {
      const picture = await Picture.ofSize(size);
      await perSecond(count, WIDTH, () => pair.api.process(picture.next()));
      await perSecond(count / 2, WIDTH, () => pair.bare(picture.next()));
    }
    return pair;
  }

  /** Lets each machine's model work take `ms` milliseconds from now on. */
  setWork(ms: number): Promise<void> {
    return this.#machines.setWork(ms);
  }

  /** Background removal of one image without the server, on each machine by turns. */
  bare(image: Copy): Promise<void> {
    this.#turn = (this.#turn + 1) % this.#connections.length;
    const connection = this.#connections[this.#turn];
    if (!connection) throw new Error('no machine');
    return this.#way(connection, image);
  }

  async stop(): Promise<void> {
    await Promise.all([this.api.close(), ...this.#connections.map((connection) => connection.close())]);
    await this.#machines.stop();
  }
}
