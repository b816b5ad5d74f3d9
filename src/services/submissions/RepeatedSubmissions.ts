import type { IdempotencyKeys } from '../jobs/IdempotencyKeys.js';
import type { Job } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { Submission } from './Submission.js';

/** The job of a submission, and whether an earlier identical submission had created it. */
export interface Submitted {
  readonly job: Job;
  readonly isRepeated: boolean;
}

/** Called with the job's id before there is a record of it. */
export type OnMaking = (id: string) => Promise<void>;

/** How to create the job of a submission. */
interface Creation {
  /** Aborted when no one needs the job any more. */
  readonly signal: AbortSignal;
  readonly onMaking?: OnMaking;
}

/**
 * Finds the job of a repeated submission. Nothing is checked for it that may have changed since the first one, such as
 * the machines.
 */
export class RepeatedSubmissions {
  readonly #manager: Pick<JobManager, 'intake' | 'get'>;
  readonly #keys: IdempotencyKeys;

  constructor(manager: Pick<JobManager, 'intake' | 'get'>, keys: IdempotencyKeys) {
    this.#manager = manager;
    this.#keys = keys;
  }

  /**
   * Creates a job, or finds the job of an earlier identical submission.
   * @param fingerprint of everything that determines the job
   * @throws AppError `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_IN_PROGRESS`, and the errors of `create`
   */
  async once(
    {
      owner,
      idempotencyKey: key,
      waitsForSame,
      signal,
    }: Pick<Submission, 'owner' | 'idempotencyKey' | 'waitsForSame' | 'signal'>,
    fingerprint: () => string,
    create: (creation: Creation) => Promise<Job>,
  ): Promise<Submitted> {
    if (key === undefined) return { job: await create({ signal }), isRepeated: false };
    let created: Job | undefined;
    // The keys of different owners are independent.
    const jobId = await this.#keys.once(
      JSON.stringify([owner ?? null, key]),
      fingerprint(),
      async ({ earlierId, onMaking }) => {
        const earlier = earlierId === undefined ? undefined : await this.#manager.intake.adopt(earlierId);
        if (earlier) return earlier;
        // The job is created even if the client disconnects: it may come back and ask for it.
        created = await create({ signal: new AbortController().signal, onMaking });
        return created;
      },
      waitsForSame,
    );
    return created?.id === jobId
      ? { job: created, isRepeated: false }
      : { job: await this.#manager.get(jobId), isRepeated: true };
  }
}
