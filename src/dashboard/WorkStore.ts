import pLimit from 'p-limit';
import type { JobStatus, MiddlewareClient } from '../client/index.js';
import { messageOf } from './errors.js';
import { followJobs } from './followJobs.js';
import { deleteWorks, loadWorks, saveWork } from './storage.js';
import { submitTask } from './submitTask.js';
import { compareWorks, isOver, randomKey, type Task, type Work, type WorkState, workOf } from './work.js';

/** Browsers open six connections per server, and the page needs some for other requests. */
const UPLOADS_AT_ONCE = 3;

/** The jobs started in this browser: submits them, follows them, and keeps them over reloads. */
export class WorkStore {
  readonly #client: MiddlewareClient;
  readonly #owner: string | null;
  readonly #over = new AbortController();
  readonly #uploads = new Map<string, AbortController>();
  readonly #turn = pLimit(UPLOADS_AT_ONCE);
  readonly #listeners = new Set<() => void>();
  #works: readonly Work[] = [];
  #restored: Promise<void> | undefined;

  /** @param owner name of the API key, null if the server has no keys */
  constructor(client: MiddlewareClient, owner: string | null) {
    this.#client = client;
    this.#owner = owner;
  }

  /** Newest batch first, the works of a batch in the order of their pictures. */
  get works(): readonly Work[] {
    return this.#works;
  }

  /** @returns a function that ends the subscription */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Restores the stored jobs and continues them. */
  async start(): Promise<void> {
    await this.#restore();
    const open = () => this.#running().map(({ jobId }) => jobId ?? '');
    const onStatus = (id: string, status: JobStatus) => this.#changeJob(id, stateOf(status));
    const onError = (id: string, error: unknown) =>
      this.#changeJob(id, { kind: 'failed', message: messageOf(error) });
    await followJobs(this.#client, { open, onStatus, onError }, this.#over.signal);
  }

  stop(): void {
    this.#over.abort();
  }

  /** Starts tasks as one batch. @returns their works, in the same order */
  add(tasks: readonly Task[]): readonly Work[] {
    const common = { batch: randomKey(), createdTime: Date.now(), owner: this.#owner };
    const works = tasks.map((task, index) => workOf(task, { ...common, index }));
    this.#set([...works, ...this.#works]);
    for (const work of works) {
      void saveWork(work);
      this.#send(work, works.length > 1);
    }
    return works;
  }

  /** Starts a job again and replaces the old one in the list. */
  retry(before: Work): Work | undefined {
    const { key, batch, task } = before;
    if (!task) return undefined;
    const again = workOf(task, before);
    const old = this.#works.filter((work) => work.key === key);
    this.#set(this.#works.map((work) => (work.key === key ? again : work)));
    void deleteWorks(old);
    void saveWork(again);
    this.#send(again, this.#works.filter((work) => work.batch === batch).length > 1);
    return again;
  }

  /** Opens a job that was started here or elsewhere. */
  async open(jobId: string): Promise<Work> {
    await this.#restore();
    const known = this.#works.find((work) => work.jobId === jobId);
    if (known) return known;
    const { type, data } = await this.#client.json<{
      type: string;
      data: { originalFilename: string };
    }>(`/api/jobs/${encodeURIComponent(jobId)}/info`, { signal: this.#over.signal });
    const opened: Work = {
      key: randomKey(),
      batch: randomKey(),
      createdTime: Date.now(),
      index: 0,
      owner: this.#owner,
      task: undefined,
      title: type,
      name: data.originalFilename,
      jobId,
      state: { kind: 'running' },
    };
    this.#set([opened, ...this.#works]);
    return opened;
  }

  cancel({ key, jobId }: Work): void {
    // Without a job id there is only an upload to abort.
    if (jobId === undefined) {
      this.#uploads.get(key)?.abort();
      this.#change(key, { state: { kind: 'cancelled' } });
    } else {
      // The job may have just ended: the next status shows that.
      this.#client.cancel(jobId).catch(() => undefined);
    }
  }

  /** Deletes jobs here and on the server. */
  forget(works: readonly Work[]): void {
    const keys = new Set(works.map(({ key }) => key));
    for (const { key, jobId } of works) {
      this.#uploads.get(key)?.abort();
      // The job may already have expired on the server.
      if (jobId !== undefined) this.#client.delete(jobId).catch(() => undefined);
    }
    this.#set(this.#works.filter(({ key }) => !keys.has(key)));
    void deleteWorks(works);
  }

  /** Deletes everything that this browser stores; the jobs on the server continue. */
  async clear(): Promise<void> {
    this.stop();
    await deleteWorks(this.#works);
  }

  #restore(): Promise<void> {
    this.#restored ??= this.#takeKept();
    return this.#restored;
  }

  async #takeKept(): Promise<void> {
    const kept = await loadWorks(this.#owner);
    if (this.#over.signal.aborted) return;
    this.#set([...this.#works, ...kept]);
    for (const work of oldestFirst(kept)) if (work.state.kind === 'sending') this.#send(work, true);
  }

  #send(work: Work, isPatient = false): void {
    const { key, task } = work;
    if (!task) return;
    const upload = new AbortController();
    this.#uploads.set(key, upload);
    const signal = AbortSignal.any([upload.signal, this.#over.signal]);
    const onWait = (note: string) => this.#change(key, { state: { kind: 'sending', note } });
    void this.#turn(async () => {
      if (signal.aborted) return;
      try {
        const jobId = await submitTask(this.#client, task, { key, signal, isPatient, onWait });
        this.#change(key, { jobId, state: { kind: 'running' } });
      } catch (error) {
        if (!signal.aborted) this.#change(key, { state: { kind: 'failed', message: messageOf(error) } });
      } finally {
        this.#uploads.delete(key);
      }
    });
  }

  /** Accepted jobs that have not ended, oldest first. */
  #running(): Work[] {
    return oldestFirst(this.#works.filter((work) => work.jobId !== undefined && !isOver(work)));
  }

  #changeJob(jobId: string, state: WorkState): void {
    for (const work of this.#works) if (work.jobId === jobId) this.#change(work.key, { state });
  }

  #change(key: string, change: Partial<Work>): void {
    const before = this.#works.find((work) => work.key === key);
    if (!before) return;
    const after = { ...before, ...change };
    this.#set(this.#works.map((work) => (work === before ? after : work)));
    // Progress is not stored: it is requested again after a reload.
    const isWorthKeeping = after.jobId !== before.jobId || isOver(after);
    if (isWorthKeeping && after.task) void saveWork(after);
  }

  #set(works: readonly Work[]): void {
    this.#works = works;
    for (const listener of this.#listeners) listener();
  }
}

/** Oldest batch first, the works of a batch in the order of their pictures. */
function oldestFirst(works: readonly Work[]): Work[] {
  return works.toSorted((a, b) => a.createdTime - b.createdTime || compareWorks(a, b));
}

function stateOf(status: JobStatus): WorkState {
  switch (status.status) {
    case 'completed':
      return { kind: 'done', status };
    case 'failed':
      return { kind: 'failed', message: status.error };
    case 'cancelled':
      return { kind: 'cancelled' };
    default:
      return { kind: 'running', status };
  }
}
