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
  /** Called with the job's id, and awaited, before anything of the job is recorded. If it rejects, there must be no job. */
  onMaking(id: string): Promise<void>;
}

/** Creates the job of a submission, or finds the one that was created earlier. */
type Create = (making: Making) => Promise<Job>;

/** The job that was created, and whether the key stands for it. */
interface Made {
  /** Undefined if the key was lost before the job was created. */
  readonly id: string | undefined;
  readonly isKept: boolean;
}

/** The claim was taken over before the job was created. */
class ClaimLost extends Error {}

/** Maps repeated submissions to the job that the first one created, for as long as that job is kept. */
export class IdempotencyKeys {
  readonly #store: IdempotencyStore;
  readonly #discard: (jobId: string) => Promise<void>;
  /** Submissions in progress on this server, by key. */
  readonly #making = new Map<string, Promise<Made>>();

  /** @param discard removes a second job for the same key, which nobody has been told of */
  constructor(store: IdempotencyStore, events: JobEvents, discard: (jobId: string) => Promise<void>) {
    this.#store = store;
    this.#discard = discard;
    events.subscribe('removed', ({ id }) => this.#forget(id), 'here');
  }

  /**
   * Creates a job, unless one was created with this key. A simultaneous submission with the same key waits for the first one, or
   * is rejected. If another server takes the key over meanwhile, because this one was paused or did not reach the store, its job
   * is the one.
   * @param key from the client, combined with what distinguishes its clients
   * @param fingerprint of everything that determines the job
   * @param waits whether to wait for the same submission while it is in progress
   * @returns the job's id, whether or not `create` was called
   * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another fingerprint, `IDEMPOTENCY_IN_PROGRESS`, and the errors of `create` and
   *   the store
   */
  async once(key: string, fingerprint: string, create: Create, waits = true): Promise<string> {
    // Created here, although the key belongs to somebody else, who may adopt such a job or create another one.
    const own = new Set<string>();
    for (;;) {
      const [earlier] = own;
      const made = await this.#attempt(key, fingerprint, create, {
        own: earlier,
        waits: waits || own.size > 0,
      });
      const { id } = made ?? {};
      if (id === undefined) continue;
      own.add(id);
      if (!made?.isKept) continue;
      own.delete(id);
      // If this fails, the only effect is that a second job runs, too.
      for (const other of own) await this.#discard(other).catch(() => undefined);
      return id;
    }
  }

  /** @returns undefined if the same submission was in progress */
  async #attempt(
    key: string,
    fingerprint: string,
    create: Create,
    { own, waits }: { own: string | undefined; waits: boolean },
  ): Promise<Made | undefined> {
    const claim = await this.#store.claim(key, fingerprint);
    switch (claim.state) {
      case 'new':
        return this.#make(key, claim.jobId ?? own, create);
      case 'made':
        return { id: claim.jobId, isKept: true };
      case 'other request':
        throw new AppError(
          'IDEMPOTENCY_KEY_REUSED',
          'This Idempotency-Key was used with another request before.',
        );
      case 'in progress': {
        if (!waits) throw inProgress();
        const made = await this.#making.get(key);
        if (made?.isKept) return made;
        await sleep(LOOK_MS);
        return undefined;
      }
    }
  }

  async #make(key: string, earlierId: string | undefined, create: Create): Promise<Made> {
    const making = this.#create(key, earlierId, create);
    this.#making.set(key, making);
    try {
      return await making;
    } finally {
      if (this.#making.get(key) === making) this.#making.delete(key);
    }
  }

  async #create(key: string, earlierId: string | undefined, create: Create): Promise<Made> {
    const onMaking = async (jobId: string) => {
      if (!(await this.#store.intend(key, jobId))) throw new ClaimLost();
    };
    try {
      const { id } = await create({ earlierId, onMaking });
      return { id, isKept: await this.#store.keep(key, id) };
    } catch (error) {
      if (error instanceof ClaimLost) return { id: undefined, isKept: false };
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
