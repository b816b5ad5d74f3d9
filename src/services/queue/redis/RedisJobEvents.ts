import pLimit from 'p-limit';
import { messageOf } from '../../../errors.js';
import type { Logger } from '../../../utils/logger.js';
import { type FinishedJob, isFinished, type Job } from '../../jobs/Job.js';
import type { JobEventKind, JobEventKinds, JobEvents, RemovalReason } from '../JobEvents.js';
import { JobListeners } from '../JobListeners.js';
import type { EventChannel, EventMessage } from './EventChannel.js';
import type { JobCodec } from './JobCodec.js';
import { ProgressPace } from './ProgressPace.js';

/** Interval at which other servers get the progress of a job, ms. */
const PROGRESS_MS = 250;
/** Delay before unreadable records are read again, ms. */
const REREAD_MS = 1000;
/** Interval at which the followed jobs are read without a reason, ms: Redis may have lost its data. */
const LOOK_MS = 30_000;

interface Parts {
  readonly channel: EventChannel;
  readonly codec: JobCodec;
  /** Reads the records of jobs. */
  readonly jobs: {
    getAll(ids: readonly string[]): Promise<Job[]>;
    /** Those of the ids that have no record, readable or not. */
    missing(ids: readonly string[]): Promise<string[]>;
  };
}

/**
 * Events for servers that share a Redis. This server's own events are published immediately; those of others in their
 * order, as they arrive.
 */
export class RedisJobEvents implements JobEvents {
  readonly #parts: Parts;
  readonly #logger: Logger;
  readonly #everywhere: JobListeners;
  readonly #here: JobListeners;
  readonly #pace: ProgressPace;
  /** Reading an event may take a while; the next one waits for it. */
  readonly #inOrder = pLimit(1);
  readonly #lookMs: number;
  #looking: NodeJS.Timeout | undefined;
  #rereading: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(parts: Parts, logger: Logger, lookMs = LOOK_MS) {
    this.#parts = parts;
    this.#lookMs = lookMs;
    this.#logger = logger;
    this.#everywhere = new JobListeners(logger);
    this.#here = new JobListeners(logger);
    this.#pace = new ProgressPace(PROGRESS_MS, (job) => this.#sendJob('changed', job));
  }

  /** Receives events of other servers from now on. */
  async start(): Promise<void> {
    await this.#parts.channel.start(
      (message) => {
        if (this.#isHeard(message)) void this.#inOrder(() => this.#hear(message));
      },
      () => void this.#inOrder(() => this.#makeUp()),
    );
    this.#looking = setInterval(() => void this.#inOrder(() => this.#makeUp()), this.#lookMs);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#looking);
    clearTimeout(this.#rereading);
    this.#pace.stop();
    this.#parts.channel.stop();
    this.#inOrder.clearQueue();
  }

  get listeners(): number {
    return this.#everywhere.size + this.#here.size;
  }

  publish<K extends JobEventKind>(kind: K, event: JobEventKinds[K]): void {
    this.#everywhere.tell(kind, event);
    this.#here.tell(kind, event);
    try {
      this.#send({ kind, event } as KindAndEvent);
    } catch (error) {
      this.#logger.error('An event could not be sent to other servers', {
        event: kind,
        error: messageOf(error),
      });
    }
  }

  subscribe<K extends JobEventKind>(
    kind: K,
    listener: (event: JobEventKinds[K]) => void,
    from: 'everywhere' | 'here' = 'everywhere',
  ): () => void {
    return (from === 'here' ? this.#here : this.#everywhere).add(kind, listener);
  }

  async follow(id: string, listener: (job: Job) => void, onRemoved?: () => void): Promise<() => void> {
    return this.#everywhere.follow(id, listener, onRemoved);
  }

  #send({ kind, event }: KindAndEvent): void {
    switch (kind) {
      case 'changed':
        this.#pace.take(event);
        break;
      case 'finished':
        this.#sendJob(kind, event);
        break;
      case 'removed':
        this.#pace.forget(event.id);
        this.#parts.channel.send({ kind, id: event.id, content: event.why });
        break;
      case 'resultDropped':
        this.#parts.channel.send({ kind, id: event.id, content: '' });
    }
  }

  #sendJob(kind: 'changed' | 'finished', job: Job): void {
    const { channel, codec } = this.#parts;
    channel.send({ kind, id: job.id, content: codec.encode(job) });
  }

  /** Most events have no listener here and need not be read. */
  #isHeard({ kind, id }: EventMessage): boolean {
    return isKind(kind) && this.#everywhere.hears(kind, id);
  }

  async #hear({ kind, id, content }: EventMessage): Promise<void> {
    if (this.#isStopped) return;
    if (kind === 'removed') {
      const why: RemovalReason = content === 'expired' ? 'expired' : 'deleted';
      this.#everywhere.tell('removed', { id, why });
    } else if (kind === 'resultDropped') {
      this.#everywhere.tell('resultDropped', { id });
    } else {
      await this.#hearJob(kind, id, content);
    }
  }

  async #hearJob(kind: string, id: string, content: string): Promise<void> {
    let job: Job | undefined;
    try {
      job = await this.#parts.codec.decode(id, content);
    } catch (error) {
      // Redis became unavailable while the workflow was read. After the outage, the records of the followed jobs are
      // read.
      this.#logger.debug('An event was lost', { jobId: id, error: messageOf(error) });
    }
    if (!job || this.#isStopped) return;
    if (kind === 'changed') this.#everywhere.tell('changed', job);
    else if (isFinished(job)) this.#everywhere.tell('finished', job satisfies FinishedJob);
  }

  /**
   * Notifies those who follow a job about its current record or its removal, because this server may have missed events. A job
   * without a record has expired as far as anybody knows.
   */
  async #makeUp(): Promise<void> {
    clearTimeout(this.#rereading);
    if (this.#isStopped) return;
    try {
      const { all, ended } = this.#everywhere.followed();
      const jobs = await this.#parts.jobs.getAll(all.filter((id) => !ended.has(id)));
      const found = new Set(jobs.map(({ id }) => id));
      const missing = await this.#parts.jobs.missing(all.filter((id) => !found.has(id)));
      if (this.#isStopped) return;
      for (const job of jobs) this.#everywhere.tellFollowers(job);
      for (const id of missing) this.#everywhere.tell('removed', { id, why: 'expired' });
    } catch {
      if (this.#isStopped) return;
      this.#rereading = setTimeout(() => void this.#inOrder(() => this.#makeUp()), REREAD_MS);
    }
  }
}

type KindAndEvent = {
  readonly [K in JobEventKind]: { readonly kind: K; readonly event: JobEventKinds[K] };
}[JobEventKind];

function isKind(kind: string): kind is JobEventKind {
  return ['changed', 'finished', 'removed', 'resultDropped'].includes(kind);
}
