import { ApiClient, BareClient } from './clients.js';
import { Machines } from './machines.js';
import { perSecond } from './measure.js';
import { type Copy, LARGE_BYTES, Picture, SMALL_BYTES } from './pictures.js';

export const WIDTH = 8;

/** Results that are kept: all of them would be gigabytes. */
const KEPT_RESULTS = { MAX_RESULT_MEMORY: String(256 * 1024 ** 2) };

/** Two simulated machines with the server in front of them, and a bare client of each. */
export class Pair {
  readonly api: ApiClient;
  readonly #machines: Machines;
  readonly #bares: readonly BareClient[];
  #turn = 0;

  private constructor(machines: Machines, api: ApiClient, bares: readonly BareClient[]) {
    this.#machines = machines;
    this.api = api;
    this.#bares = bares;
  }

  /**
   * @param jobs small ones that are done by way of warming up, until server, machines and load are compiled; half as many
   *   by the bare clients, which are less to compile
   */
  static async start(jobs: number): Promise<Pair> {
    const machines = await Machines.start([0, 0], KEPT_RESULTS);
    const bares = await Promise.all(machines.simulators.map((host) => BareClient.connect(host)));
    const pair = new Pair(machines, new ApiClient(machines.server), bares);
    for (const [bytes, count] of [
      [SMALL_BYTES, jobs],
      [LARGE_BYTES, jobs / 40],
    ] as const) {
      const picture = await Picture.ofSize(bytes);
      await perSecond(count, WIDTH, () => pair.api.process(picture.next()));
      await perSecond(count / 2, WIDTH, () => pair.bare(picture.next()));
    }
    return pair;
  }

  /** Lets each machine's model work take `ms` milliseconds from now on. */
  setWork(ms: number): Promise<void> {
    return this.#machines.setWork(ms);
  }

  /** Background removal of one image by a bare client, on each machine by turns. */
  bare(image: Copy): Promise<void> {
    this.#turn = (this.#turn + 1) % this.#bares.length;
    const client = this.#bares[this.#turn];
    if (!client) throw new Error('no machine');
    return client.process(image);
  }

  async stop(): Promise<void> {
    await Promise.all([this.api.close(), ...this.#bares.map((bare) => bare.close())]);
    await this.#machines.stop();
  }
}
