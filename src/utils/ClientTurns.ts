import { FairLimit, type FairLimits, type Share } from './FairLimit.js';

/** The client for which some work is done. */
export interface Sender {
  readonly client: string;
  /** Whose time it takes, if that is another computer. */
  readonly host?: string;
  /** Aborted when nobody waits for the result any more. */
  readonly signal?: AbortSignal;
}

/** Runs work of clients within limits, by default one piece at a time. Clients take turns: one with much work delays mainly itself. */
export class ClientTurns {
  readonly #limit: FairLimit;

  constructor({ total = 1, perClient = 1, perHost = total }: Partial<FairLimits> = {}) {
    this.#limit = new FairLimit({ total, perClient, perHost });
  }

  /**
   * Runs the work at the client's turn.
   * @throws the reason of the signal if it is aborted before that
   */
  async run<T>({ client, host = '', signal }: Sender, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const share: Share = { client, host };
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
