import { JOB_STATUSES, type JobStatus } from '../../../schemas/jobStatus.js';
import { keepNewest } from '../../../utils/keepNewest.js';
import { backoffWithJitter, sleep } from '../../../utils/timers.js';
import { isFinished, type Job } from '../../jobs/Job.js';
import type { JobCounts, JobFilter, JobStore } from '../JobStore.js';
import type { JobCodec } from './JobCodec.js';
import { type Facet, facetValue, facetWords } from './jobRecord.js';
import { DELETE_JOB, INSERT_JOB, JOBS_IN_COMMON, JOBS_PAGE, UPDATE_JOB } from './jobScripts.js';
import type { RedisConnection } from './RedisConnection.js';

/** How often a change is tried while others change the same record. Each time, one of them succeeds. */
const MAX_ATTEMPTS = 200;
/** First and longest delay before another attempt, ms. */
const WAIT_MS = 1;
const MAX_WAIT_MS = 20;
/** Attempts without a delay. */
const QUICK_ATTEMPTS = 2;
/** Records per read. */
const BATCH = 500;
/** Maximum number of jobs that are remembered, about 2 KB each. */
const MAX_WRITTEN = 2000;

/**
 * Job records in Redis. Keys, each after the prefix in braces:
 * ¶ | key | what |
 * |---|---|
 * | `job:<id>` | a record: a line of index terms, and the job as JSON |
 * | `jobs:sequence` | number of jobs so far: their order, regardless of server clocks |
 * | `jobs` | sorted set of all ids, in order |
 * | `jobs:status:<s>`, `jobs:type:<t>`, `jobs:instance:<i>`, `jobs:owner:<o>` | the same of some |
 * | `jobs:webhook:untold` | the same of those with an unsent webhook, until it is stored for delivery |
 * | `jobs:counts` | hash: how many there are by status, type and instance |
 * | `jobs:finished` | sorted set of ids by the time of their end |
 * | `workflow:<hash>` | definition of a workflow of a file, as long as there is a job that needs it, and a minute |
 * | `workflows` | hash: how many jobs need each definition |
 * ¶ A job with one image needs about 1.5 KB while it waits and 2.3 KB when it is completed (measured with Redis 7.0
 * and 100,000 jobs with owners: records of 650 and 1,000 characters, the rest is keys and indexes), and 0.5 KB more
 * with an idempotency key. Long texts among its parameters, and many outputs, are extra; so is each definition, once.
 */
export class RedisJobStore implements JobStore {
  readonly #connection: RedisConnection;
  readonly #codec: JobCodec;
  readonly #base: string;
  /**
   * Unfinished jobs as this server wrote them last. The server that runs a job makes most of its changes, and need not read the
   * record before each one. If another server changed it, the script notices.
   */
  readonly #written = new Map<string, Job>();

  /** @param base prefix of all keys */
  constructor(connection: RedisConnection, codec: JobCodec, base: string) {
    this.#connection = connection;
    this.#codec = codec;
    this.#base = base;
  }

  async insert(job: Job): Promise<void> {
    const insert = (definition: string) =>
      INSERT_JOB.run(
        this.#redis,
        [this.#key(job.id)],
        [this.#base, job.id, this.#codec.encode(job), definition],
      );
    // Usually another job has stored the definition already, which may be large.
    if ((await insert('')) === 1) return this.#remember(job);
    const definition = this.#codec.definitionOf(job);
    if (definition === undefined) throw new Error(`The definition of the workflow of job ${job.id} is lost.`);
    await insert(definition);
    this.#remember(job);
  }

  async get(id: string): Promise<Job | undefined> {
    return this.#codec.decode(id, await this.#redis.get(this.#key(id)));
  }

  /** Like `get`, for several; without missing ones. */
  async getAll(ids: readonly string[]): Promise<Job[]> {
    const jobs: Job[] = [];
    for (let at = 0; at < ids.length; at += BATCH) {
      const some = ids.slice(at, at + BATCH);
      const texts = await this.#redis.mget(some.map((id) => this.#key(id)));
      jobs.push(...(await this.#codec.decodeAll(some.map((id, n) => [id, texts[n]] as const))));
    }
    return jobs;
  }

  /** Those of the ids that have no record, readable or not. */
  async missing(ids: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    for (let at = 0; at < ids.length; at += BATCH) {
      const some = ids.slice(at, at + BATCH);
      const counts = await Promise.all(some.map((id) => this.#redis.exists(this.#key(id))));
      missing.push(...some.filter((_id, n) => counts[n] === 0));
    }
    return missing;
  }

  async update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined> {
    const written = this.#written.get(id);
    const changedHere = written && change(written);
    if (written && changedHere) {
      const answer = await this.#replace(changedHere, this.#codec.encode(written));
      if (answer === 1) return changedHere;
      return this.#update(id, change, recordIn(answer));
    }
    // The current record may allow the change, even if the remembered one does not.
    return this.#update(id, change, await this.#redis.get(this.#key(id)));
  }

  /** @param stored the current record */
  async #update(
    id: string,
    change: (job: Job) => Job | undefined,
    stored: string | null,
  ): Promise<Job | undefined> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const job = await this.#codec.decode(id, stored);
      const changed = job && change(job);
      if (!changed || stored === null) return undefined;
      const answer = await this.#replace(changed, stored);
      if (answer === 1) return changed;
      // Another server was faster: Redis returned the current record.
      stored = recordIn(answer);
      if (attempt <= QUICK_ATTEMPTS) continue;
      await sleep(backoffWithJitter(attempt, WAIT_MS, MAX_WAIT_MS));
      stored = await this.#redis.get(this.#key(id));
    }
    throw new Error(`Job ${id} could not be changed: other servers kept changing it.`);
  }

  async delete(id: string): Promise<Job | undefined> {
    this.#written.delete(id);
    const record = await DELETE_JOB.run(this.#redis, [this.#key(id)], [this.#base, id]);
    return typeof record === 'string' ? this.#codec.decode(id, record) : undefined;
  }

  /** With several conditions, the time grows with the number of jobs for the rarest one. */
  async list(
    { status, type, instance, owner }: JobFilter,
    page: { limit: number; offset: number },
  ): Promise<{ jobs: Job[]; total: number }> {
    const words = facetWords({ status, type, instance, owner });
    const indexes = words.map((word) => `${this.#base}:jobs:${word}`);
    const { total, records } =
      indexes.length < 2
        ? await this.#page(indexes[0] ?? `${this.#base}:jobs`, page)
        : await this.#common(indexes, page);
    return { jobs: await this.#codec.decodeAll(records), total };
  }

  async counts(): Promise<JobCounts> {
    const counts = Object.entries(await this.#redis.hgetall(`${this.#base}:jobs:counts`));
    const of = (facet: Facet) =>
      new Map(
        counts.flatMap(([word, count]) => {
          const value = word.startsWith(`${facet}:`) ? facetValue(word) : undefined;
          return value === undefined ? [] : [[value, Number(count) || 0] as const];
        }),
      );
    const status = of('status');
    const byStatus = Object.fromEntries(JOB_STATUSES.map((one) => [one, status.get(one) ?? 0]));
    return {
      total: [...status.values()].reduce((sum, count) => sum + count, 0),
      byStatus: byStatus as Record<JobStatus, number>,
      byType: Object.fromEntries(of('type')),
      byInstance: Object.fromEntries(of('instance')),
    };
  }

  async finishedUntil(time: number): Promise<string[]> {
    return this.#redis.zrangebyscore(`${this.#base}:jobs:finished`, '-inf', time);
  }

  async #page(index: string, { limit, offset }: { limit: number; offset: number }): Promise<Found> {
    return foundIn(await JOBS_PAGE.run(this.#redis, [index], [this.#base, offset, limit]));
  }

  /** In several calls if there are many: no script may block Redis for long. */
  async #common(
    indexes: readonly string[],
    { limit, offset }: { limit: number; offset: number },
  ): Promise<Found> {
    const records: Found['records'][number][] = [];
    let total = 0;
    for (let from: string | undefined = '+inf'; from !== undefined; ) {
      const [skipped, wanted] = [Math.max(0, offset - total), limit - records.length];
      const part: Found = foundIn(
        await JOBS_IN_COMMON.run(this.#redis, indexes, [this.#base, skipped, wanted, from]),
      );
      total += part.total;
      records.push(...part.records);
      from = part.next;
    }
    return { total, records };
  }

  #remember(job: Job): void {
    if (!isFinished(job)) keepNewest(this.#written, job.id, job, MAX_WRITTEN);
  }

  /** @returns 1 if it was replaced, 0 if there is no record, or the current record if that is another one */
  async #replace(job: Job, stored: string): Promise<unknown> {
    const finishedTime = isFinished(job) ? String(job.finishedTime) : '';
    // Until Redis responds, it is unknown which record it has.
    this.#written.delete(job.id);
    const answer = await UPDATE_JOB.run(
      this.#redis,
      [this.#key(job.id)],
      [this.#base, job.id, this.#codec.encode(job), stored, finishedTime],
    );
    if (answer === 1) this.#remember(job);
    return answer;
  }

  get #redis(): RedisConnection['commands'] {
    return this.#connection.commands;
  }

  #key(id: string): string {
    return `${this.#base}:job:${id}`;
  }
}

interface Found {
  readonly total: number;
  readonly records: ReadonlyArray<readonly [id: string, text: string | undefined]>;
  /** Where to continue. */
  readonly next?: string | undefined;
}

/** The record in a response of `UPDATE_JOB`; null if there is none. */
function recordIn(answer: unknown): string | null {
  return typeof answer === 'string' ? answer : null;
}

/** Parses the response of a listing script. */
function foundIn(answer: unknown): Found {
  const [total, ids, texts, next] = listOf(answer);
  const records = listOf(texts);
  return {
    total: Number(total),
    records: listOf(ids).map((id, n) => {
      const text = records[n];
      return [String(id), typeof text === 'string' ? text : undefined];
    }),
    next: typeof next === 'string' ? next : undefined,
  };
}

function listOf(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : [];
}
