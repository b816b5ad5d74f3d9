import type { JobManager } from '../jobs/JobManager.js';
import type { ClientSockets } from './ClientSockets.js';

/** Last known status of jobs that have not ended. */
type Heard = Map<string, 'pending' | 'processing'>;

/** Tells all clients the number of jobs that have not ended, whichever API they came from. */
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
    manager.events.subscribe('removed', ({ id }) => this.#heard.delete(id));
  }

  /** Returns the number of jobs that have not ended. Never rejects. */
  async remaining(): Promise<number> {
    const { byStatus } = await this.#manager.figures.counts();
    return byStatus.pending + byStatus.processing;
  }

  /** Returns the message with the queue length. @param sid id of a new socket */
  async message(sid?: string): Promise<string> {
    const status = { exec_info: { queue_remaining: await this.remaining() } };
    return JSON.stringify({ type: 'status', data: sid === undefined ? { status } : { status, sid } });
  }

  /** Tells all clients, once for concurrent changes. Never rejects. */
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
