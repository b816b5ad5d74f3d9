import { messageOf } from '../../../errors.js';
import type { Logger } from '../../../utils/logger.js';
import type { Workflow } from '../../../workflows/types.js';
import type { Job } from '../../jobs/Job.js';
import { readRecord, type StoredJob, writeRecord } from './jobRecord.js';
import type { WorkflowDefinitions } from './WorkflowDefinitions.js';

/** Damaged records that are remembered, so that each is reported once. */
const MAX_REPORTED = 1000;

/** A record in Redis; null if it does not exist. */
type RecordText = string | null | undefined;

/** Converts jobs to text and back, with their workflows. */
export class JobCodec {
  readonly #definitions: WorkflowDefinitions;
  readonly #logger: Logger;
  /** A record is stored and published as the same text. */
  readonly #texts = new WeakMap<Job, string>();
  readonly #reported = new Set<string>();

  constructor(definitions: WorkflowDefinitions, logger: Logger) {
    this.#definitions = definitions;
    this.#logger = logger;
  }

  encode(job: Job): string {
    const known = this.#texts.get(job);
    if (known !== undefined) return known;
    const text = writeRecord(job, this.#definitions.nameOf(job.request.workflow));
    this.#texts.set(job, text);
    return text;
  }

  /** Returns the definition to store with the job's record; undefined for none. */
  definitionOf(job: Job): string | undefined {
    return this.#definitions.textOf(job.request.workflow);
  }

  /**
   * @returns undefined for a missing record, and for an unreadable one, which is logged
   * @throws the rejection of Redis if the workflow must be read
   */
  async decode(id: string, text: RecordText): Promise<Job | undefined> {
    const [job] = await this.decodeAll([[id, text]]);
    return job;
  }

  /** Like `decode` for several, without missing ones. All definitions are read at once. */
  async decodeAll(records: Iterable<readonly [id: string, text: RecordText]>): Promise<Job[]> {
    const stored: { job: StoredJob; definition: string | undefined }[] = [];
    for (const [id, text] of records) {
      const one = this.#read(id, text);
      if (one) stored.push(one);
    }
    const names = stored.flatMap(({ definition }) => definition ?? []);
    const found = names.length === 0 ? new Map<string, Workflow>() : await this.#definitions.find(names);
    return stored.map(({ job, definition }) => {
      const workflow = this.#definitions.workflowOf(job.request.type, definition, found);
      return { ...job, request: { ...job.request, workflow } };
    });
  }

  #read(id: string, text: RecordText): ReturnType<typeof readRecord> | undefined {
    if (text === null || text === undefined) return undefined;
    try {
      const record = readRecord(text);
      if (record.job.id !== id) throw new Error('it is the record of another job');
      return record;
    } catch (error) {
      this.#report(id, error);
      return undefined;
    }
  }

  #report(id: string, error: unknown): void {
    if (this.#reported.has(id)) return;
    if (this.#reported.size >= MAX_REPORTED) this.#reported.clear();
    this.#reported.add(id);
    this.#logger.warn('A job record cannot be read', { jobId: id, error: messageOf(error) });
  }
}
