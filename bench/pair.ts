import { ApiClient } from './ApiClient.js';
import { ComfyConnection } from './ComfyConnection.js';
import { Machines } from './machines.js';
import { perSecond } from './measure.js';
import { type Copy, LARGE, Picture, SMALL } from './pictures.js';
import type { Way } from './ways.js';

export const WIDTH = 8;

/** Limits the stored results: all of them would be gigabytes. */
export const KEPT_RESULTS = { MAX_RESULT_MEMORY: String(256 * 1024 ** 2) };

/** Two simulated machines with a server, and a client that uses the machines directly. */
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
   * @param jobs number of small warm-up jobs, until server, machines and load generator are compiled; half as many for the client
   *   without the server, which has less to compile
   * @param way how the client without the server sends images
   * @param pngCost share of ComfyUI's time for decoding and encoding images that the machines simulate
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

  /** Sets the time of each machine's model work, in milliseconds. */
  setWork(ms: number): Promise<void> {
    return this.#machines.setWork(ms);
  }

  /** Removes the background of one image without the server, alternately on each machine. */
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
