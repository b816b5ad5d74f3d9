import { FairLimit, type Share } from './FairLimit.js';

/** The client for which some work is done. */
export interface Sender {
  readonly client: string;
  /** Aborted when nobody waits for the result any more. */
  readonly signal?: AbortSignal;
}

/** Runs one piece of work of each client at a time. Clients take turns: one with much work delays mainly itself. */
export class ClientTurns {
  readonly #limit: FairLimit;

  /** @param atOnce maximum number of clients whose work runs at the same time */
  constructor(atOnce = 1) {
    this.#limit = new FairLimit({ total: atOnce, perClient: 1, perHost: atOnce });
  }

  /**
   * Runs the work at the client's turn.
   * @throws the reason of the signal if it is aborted before that
   */
  async run<T>({ client, signal }: Sender, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const share: Share = { client, host: '' };
    const leave = () => this.#limit.drop(share);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      const done = await this.#limit.run(share, async () => ({ result: await work() }));
      if (done) return done.result;
      throw signal?.reason;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}
