import { AppError } from '../../errors.js';
import { sleep } from '../../utils/timers.js';
import type { IdempotencyStore } from '../queue/IdempotencyStore.js';
import type { JobEvents } from '../queue/JobEvents.js';
import type { Job } from './Job.js';

/** Interval of the check whether another server has created the job, ms. */
const LOOK_MS = 50;

/** How to create the job of a submission that may be repeated. */
interface Making {
  /** A job that a killed server may have created for the same submission. */
  readonly earlierId: string | undefined;
  /** Called with the job's id, and awaited, before anything of the job is stored. */
  onMaking(id: string): Promise<void>;
}

type Create = (making: Making) => Promise<Job>;

/** Maps repeated submissions to the job that the first one created, for as long as that job is kept. */
export class IdempotencyKeys {
  readonly #store: IdempotencyStore;
  /** Submissions in progress on this server, by key. */
  readonly #making = new Map<string, Promise<string>>();

  constructor(store: IdempotencyStore, events: JobEvents) {
    this.#store = store;
    events.subscribe('removed', ({ id }) => this.#forget(id), 'here');
  }

  /**
   * Creates a job, unless one was created with this key. A simultaneous submission with the same key waits for the first one, or
   * is rejected.
   * @param key from the client, combined with what distinguishes its clients
   * @param fingerprint of everything that determines the job
   * @param waits whether to wait for the same submission while it is in progress
   * @returns the job's id, whether or not `create` was called
   * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another fingerprint, `IDEMPOTENCY_IN_PROGRESS`, and the errors of `create` and
   *   the store
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
            'This Idempotency-Key was used with another request before.',
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
      // A rejected submission may be repeated. After an unknown outcome, the repetition looks for the job.
      const isRefused = error instanceof AppError && error.code !== 'QUEUE_UNAVAILABLE';
      const giveUp = isRefused ? this.#store.release(key) : this.#store.abandon(key);
      await giveUp.catch(() => undefined);
      throw error;
    }
  }

  #forget(id: string): void {
    // If this fails, the only effect is that the key stays in use.
    this.#store.forget(id).catch(() => undefined);
  }
}

function inProgress(): AppError {
  return new AppError(
    'IDEMPOTENCY_IN_PROGRESS',
    'A request with this Idempotency-Key is still in progress.',
    {
      retryAfterSeconds: 1,
    },
  );
}
