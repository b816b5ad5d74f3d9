import { AppError } from '../../errors.js';
import { sleep } from '../../utils/timers.js';
import type { IdempotencyStore } from '../queue/IdempotencyStore.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { Job } from './Job.js';

/** Between two looks whether another server has made the job, ms. */
const LOOK_MS = 50;

/** How a job is made whose submission may come again. */
interface Making {
  /** A job that a server which is gone may have made for the same submission. */
  readonly earlierId: string | undefined;
  /** Called with the job's id before anything is left of it anywhere, and waited for. */
  onMaking(id: string): Promise<void>;
}

type Create = (making: Making) => Promise<Job>;

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
   * Creates a job, unless one was made under this key. The same key in the same moment waits for the first, or is refused.
   * @param key as the client sent it, with what tells its clients apart
   * @param fingerprint of everything that decides what the job is
   * @param waits whether the same submission is waited for while it is under way
   * @returns the job's id, whether `create` made it now or was not called
   * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another fingerprint, `IDEMPOTENCY_IN_PROGRESS`, and whatever `create` or the
   *   store throws
   */
  async once(key: string, fingerprint: string, create: Create, waits = true): Promise<string> {
    for (;;) {
      const claim = await this.#store.claim(key, fingerprint);
      switch (claim.state) {
        case 'new':
          return this.#make(key, claim.jobId, create);
        case 'made':
          return claim.jobId;
        case 'other request':
          throw new AppError(
            'IDEMPOTENCY_KEY_REUSED',
            'This Idempotency-Key came with another request before.',
          );
        case 'in progress': {
          if (!waits) throw inProgress();
          const making = this.#making.get(key);
          if (making) return making;
          await sleep(LOOK_MS);
        }
      }
    }
  }

  async #make(key: string, earlierId: string | undefined, create: Create): Promise<string> {
    const making = this.#create(key, earlierId, create);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      this.#making.delete(key);
    }
  }

  async #create(key: string, earlierId: string | undefined, create: Create): Promise<string> {
    try {
      const { id } = await create({ earlierId, onMaking: (jobId) => this.#store.intend(key, jobId) });
      await this.#store.keep(key, id);
      return id;
    } catch (error) {
      // What was refused may be sent again. What is in doubt is looked for then.
      const isRefused = error instanceof AppError && error.code !== 'QUEUE_UNAVAILABLE';
      const giveUp = isRefused ? this.#store.release(key) : this.#store.abandon(key);
      await giveUp.catch(() => undefined);
      throw error;
    }
  }

  #forget(id: string): void {
    // What is not forgotten keeps a key in use, and nothing else.
    this.#store.forget(id).catch(() => undefined);
  }
}

function inProgress(): AppError {
  return new AppError('IDEMPOTENCY_IN_PROGRESS', 'A request with this Idempotency-Key is under way.', {
    retryAfterSeconds: 1,
  });
}
