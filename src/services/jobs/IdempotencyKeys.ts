import { AppError } from '../../errors.js';
import { sleep } from '../../utils/timers.js';
import type { IdempotencyStore } from '../queue/IdempotencyStore.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { Job } from './Job.js';

/** Between two looks whether another server has made the job, ms. */
const LOOK_MS = 50;

/** Makes a submission that comes again the job that it made before, for as long as that job is kept. */
export class IdempotencyKeys {
  readonly #store: IdempotencyStore;
  /** What is made here at present, by key. */
  readonly #making = new Map<string, Promise<string>>();

  constructor(store: IdempotencyStore, events: JobEvents) {
    this.#store = store;
    events.subscribe('removed', ({ id }) => this.#forget(id), 'here');
  }

  /**
   * Creates a job, unless one was made under this key. The same key in the same moment waits for the first.
   * @param key as the client sent it, with what tells its clients apart
   * @param fingerprint of everything that decides what the job is
   * @returns the job's id, whether `create` made it now or was not called
   * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another fingerprint, and whatever `create` or the store throws
   */
  async once(key: string, fingerprint: string, create: () => Promise<Job>): Promise<string> {
    for (;;) {
      const claim = await this.#store.claim(key, fingerprint);
      switch (claim.state) {
        case 'new':
          return this.#make(key, create);
        case 'made':
          return claim.jobId;
        case 'other request':
          throw new AppError(
            'IDEMPOTENCY_KEY_REUSED',
            'This Idempotency-Key came with another request before.',
          );
        case 'in progress': {
          const making = this.#making.get(key);
          if (making) return making;
          await sleep(LOOK_MS);
        }
      }
    }
  }

  async #make(key: string, create: () => Promise<Job>): Promise<string> {
    const making = this.#create(key, create);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      this.#making.delete(key);
    }
  }

  async #create(key: string, create: () => Promise<Job>): Promise<string> {
    try {
      const { id } = await create();
      await this.#store.keep(key, id);
      return id;
    } catch (error) {
      // What was refused may be sent again.
      await this.#store.release(key).catch(() => undefined);
      throw error;
    }
  }

  #forget(id: string): void {
    // What is not forgotten keeps a key in use, and nothing else.
    this.#store.forget(id).catch(() => undefined);
  }
}
