import { AppError } from '../../errors.js';
import type { Job } from './Job.js';
import type { JobEvents } from './JobEvents.js';

interface Entry {
  readonly fingerprint: string;
  readonly jobId: Promise<string>;
}

/** Makes a submission that comes again the job that it made before, for as long as that job is kept. */
export class IdempotencyKeys {
  readonly #entries = new Map<string, Entry>();
  readonly #keysByJob = new Map<string, string>();

  constructor(events: JobEvents) {
    events.onRemoved((id) => {
      const key = this.#keysByJob.get(id);
      if (key !== undefined) this.#entries.delete(key);
      this.#keysByJob.delete(id);
    });
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Creates a job, unless one was made under this key. The same key in the same moment waits for the first.
   * @param key as the client sent it, with what tells its clients apart
   * @param fingerprint of everything that decides what the job is
   * @returns the job's id, whether `create` made it now or was not called
   * @throws AppError `IDEMPOTENCY_KEY_REUSED` for another fingerprint, and whatever `create` throws
   */
  async once(key: string, fingerprint: string, create: () => Promise<Job>): Promise<string> {
    const known = this.#entries.get(key);
    if (known && known.fingerprint !== fingerprint) {
      throw new AppError('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key came with another request before.');
    }
    if (known) return known.jobId;
    const entry = { fingerprint, jobId: create().then(({ id }) => id) };
    this.#entries.set(key, entry);
    try {
      const jobId = await entry.jobId;
      this.#keysByJob.set(jobId, key);
      return jobId;
    } catch (error) {
      // What was refused may be sent again.
      this.#entries.delete(key);
      throw error;
    }
  }
}
