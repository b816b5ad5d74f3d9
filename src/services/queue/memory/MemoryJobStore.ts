import { JOB_STATUSES, type JobStatus } from '../../../schemas/jobStatus.js';
import { assignmentOf, isFinished, type Job } from '../../jobs/Job.js';
import type { JobCounts, JobFilter, JobStore } from '../JobStore.js';

/** Maximum share of holes in the order before it is rebuilt. */
const MAX_HOLES = 0.5;

/** Job records in this process's memory. Frequent requests need no full scan. */
export class MemoryJobStore implements JobStore {
  readonly #jobs = new Map<string, Job>();
  /** Ids in order of creation, with holes for deleted jobs: a Map cannot be read from its end. */
  #order: Array<string | undefined> = [];
  #places = new Map<string, number>();
  /** Finished jobs and when, in order of finishing. */
  readonly #finished = new Map<string, number>();
  readonly #byStatus = Object.fromEntries(JOB_STATUSES.map((s) => [s, 0])) as Record<JobStatus, number>;
  readonly #byType = new Map<string, number>();
  readonly #byInstance = new Map<string, number>();

  async insert(job: Job): Promise<void> {
    this.#jobs.set(job.id, job);
    this.#places.set(job.id, this.#order.length);
    this.#order.push(job.id);
    this.#count(job, 1);
  }

  async get(id: string): Promise<Job | undefined> {
    return this.#jobs.get(id);
  }

  async update(id: string, change: (job: Job) => Job | undefined): Promise<Job | undefined> {
    const job = this.#jobs.get(id);
    const changed = job && change(job);
    if (!changed) return undefined;
    this.#jobs.set(id, changed);
    this.#count(job, -1);
    this.#count(changed, 1);
    if (isFinished(changed)) this.#finished.set(id, changed.finishedTime);
    return changed;
  }

  async delete(id: string): Promise<Job | undefined> {
    const job = this.#jobs.get(id);
    if (!job) return undefined;
    this.#jobs.delete(id);
    this.#finished.delete(id);
    this.#count(job, -1);
    const place = this.#places.get(id);
    if (place !== undefined) this.#order[place] = undefined;
    this.#places.delete(id);
    if (this.#order.length > 100 && this.#jobs.size < this.#order.length * MAX_HOLES) this.#closeHoles();
    return job;
  }

  /** Without a filter only the page is read; with one, every record. */
  async list(
    filter: JobFilter,
    { limit, offset }: { limit: number; offset: number },
  ): Promise<{ jobs: Job[]; total: number }> {
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    const jobs: Job[] = [];
    let matching = 0;
    for (let at = this.#order.length - 1; at >= 0; at -= 1) {
      if (!isFiltered && jobs.length === limit) break;
      const job = this.#jobs.get(this.#order[at] ?? '');
      if (!job || !matches(job, filter)) continue;
      if (matching >= offset && jobs.length < limit) jobs.push(job);
      matching += 1;
    }
    return { jobs, total: isFiltered ? matching : this.#jobs.size };
  }

  async counts(): Promise<JobCounts> {
    return {
      total: this.#jobs.size,
      byStatus: { ...this.#byStatus },
      byType: Object.fromEntries(this.#byType),
      byInstance: Object.fromEntries(this.#byInstance),
    };
  }

  async finishedUntil(time: number): Promise<string[]> {
    const ids: string[] = [];
    for (const [id, finishedTime] of this.#finished) {
      if (finishedTime > time) break;
      ids.push(id);
    }
    return ids;
  }

  #count(job: Job, by: 1 | -1): void {
    this.#byStatus[job.status] += by;
    add(this.#byType, job.request.type, by);
    const instance = assignmentOf(job)?.instance;
    if (instance !== undefined) add(this.#byInstance, instance, by);
  }

  #closeHoles(): void {
    const ids = this.#order.filter((id) => id !== undefined);
    this.#order = ids;
    this.#places = new Map(ids.map((id, place) => [id, place]));
  }
}

function matches(job: Job, { status, type, instance, owner }: JobFilter): boolean {
  return (
    (status === undefined || job.status === status) &&
    (owner === undefined || job.request.owner === owner) &&
    (type === undefined || job.request.type === type) &&
    (instance === undefined || assignmentOf(job)?.instance === instance)
  );
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
