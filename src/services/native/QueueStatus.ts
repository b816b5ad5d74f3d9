import type { JobManager } from '../jobs/JobManager.js';
import type { ClientSockets } from './ClientSockets.js';

/** Status of jobs that are not done, as it was heard last. */
type Heard = Map<string, 'pending' | 'processing'>;

/** Tells all clients how many jobs there are that are not done, whichever door they came through. */
export class QueueStatus {
  readonly #manager: Pick<JobManager, 'figures' | 'events'>;
  readonly #sockets: ClientSockets;
  readonly #heard: Heard = new Map();
  #telling: Promise<void> | undefined;
  #isOutdated = false;

  constructor(manager: Pick<JobManager, 'figures' | 'events'>, sockets: ClientSockets) {
    this.#manager = manager;
    this.#sockets = sockets;
    manager.events.subscribe('changed', ({ id, status }) => {
      if (status !== 'pending' && status !== 'processing') this.#heard.delete(id);
      else if (this.#heard.get(id) !== status) {
        this.#heard.set(id, status);
        void this.tell();
      }
    });
  }

  /** Never rejects. */
  async remaining(): Promise<number> {
    const { byStatus } = await this.#manager.figures.counts();
    return byStatus.pending + byStatus.processing;
  }

  /** The message that tells the length of the queue. @param sid of a socket that has just been opened */
  async message(sid?: string): Promise<string> {
    const status = { exec_info: { queue_remaining: await this.remaining() } };
    return JSON.stringify({ type: 'status', data: sid === undefined ? { status } : { status, sid } });
  }

  /** Tells all clients, once for all that changes at the same time. Never rejects. */
  tell(): Promise<void> {
    this.#isOutdated = true;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    while (this.#isOutdated) {
      this.#isOutdated = false;
      if (this.#sockets.size > 0) this.#sockets.broadcast(await this.message());
    }
  }
}
