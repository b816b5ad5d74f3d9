import { placeOf, slotOf } from '../../utils/outputIds.js';
import type { Content } from '../../utils/StoredFile.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import { outputAt } from './committedOutputs.js';
import type { EarlyOutput, Job, JobOutput, JobResult, ProcessingJob } from './Job.js';
import type { JobChanges } from './JobChanges.js';
import type { JobRecords } from './JobRecords.js';
import type { KeptBeside, ResultShelf } from './ResultShelf.js';
import * as transitions from './transitions.js';

/**
 * Maximum number of outputs in a job's record before its end. Servers that share jobs send each other the whole record with each
 * change of the progress.
 */
const MAX_EARLY = 200;

/** The store rejected a result. */
export class ResultNotStored extends Error {
  override name = 'ResultNotStored';

  constructor(cause: unknown) {
    super('The result could not be stored.', { cause });
  }
}

interface Parts {
  readonly records: JobRecords;
  readonly changes: JobChanges;
  readonly shelf: ResultShelf;
}

/** An output before it is stored, and where. */
interface Placed {
  readonly id: string;
  readonly name: string;
  readonly output: JobOutput;
  readonly content: Content;
}

/**
 * Stores the outputs of jobs and records them: those of client graphs as soon as they are made, all others at the job's end.
 * An output that was recorded stays until the job is removed, whatever becomes of the job, and its place never means another one.
 */
export class JobResults {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Stores an output of a running job.
   * @param attempt of the job that made it
   * @param index among the outputs of its node
   * @param content the caller continues to hold a stored one
   * @returns the output as recorded; undefined if it was not recorded: the attempt is over, or there are too many
   * @throws the rejection of the store
   */
  async commit(
    id: string,
    attempt: number,
    { index, output, content }: { index: number; output: JobOutput; content: Content },
  ): Promise<JobOutput | undefined> {
    const { records, changes } = this.#parts;
    const job = records.live(id);
    const place = placeOf(output.nodeId, index, attempt);
    const early = job?.early ?? [];
    if (job?.attempts !== attempt || early.length >= MAX_EARLY || outputAt(job, place)) return undefined;
    const put = new Map<string, string>();
    const placed = { id, name: place, output: { ...output, place }, content };
    const kept = await this.#put(placed, early, put);
    if (put.size === 0) return kept;
    const record = await changes.change(id, (newest, now) =>
      transitions.withOutput(newest, now, attempt, { ...kept, place }),
    );
    if (record && (await this.#isRecorded(id, place))) return outputAt(record, place);
    this.#parts.shelf.withdraw(id, put);
    return undefined;
  }

  /**
   * processing → completed.
   * @param attempt that made the result
   * @param contents bytes of the result's outputs, in their order. The caller continues to hold stored ones
   * @throws ResultNotStored: the job is still processing. Otherwise the rejection of the job store
   */
  async complete(attempt: ProcessingJob, result: JobResult, contents: readonly Content[]): Promise<void> {
    const { id } = attempt;
    const { records, changes, shelf } = this.#parts;
    const put = new Map<string, string>();
    const live = records.live(id);
    // The job may have moved to another machine since the start of the attempt.
    const newest = live?.status === 'processing' && live.attempts === attempt.attempts ? live : attempt;
    let outputs: JobResult['outputs'];
    try {
      outputs = await this.#putAll(newest, result, contents, put);
    } catch (error) {
      shelf.withdraw(id, put);
      throw new ResultNotStored(error);
    }
    const completed = await changes.end(id, (job, now) =>
      transitions.complete(job, now, { ...result, outputs }, newest.assignment),
    );
    // A server that stops may not know whether the record has them. If it does not, a later audit releases them.
    if (!completed && !records.writes.isStopped) shelf.withdraw(id, put);
  }

  /** Counts the prompt of an ended job for the history, and drops it with the outputs of the job. */
  keepPrompt(id: string, prompt: KeptBeside): void {
    this.#parts.shelf.keepBeside(id, 'prompt', prompt);
  }

  async #putAll(
    attempt: ProcessingJob,
    { outputs: [first, ...others] }: JobResult,
    contents: readonly Content[],
    put: Map<string, string>,
  ): Promise<JobResult['outputs']> {
    const { id } = attempt;
    const job = attempt.request.type === GRAPH_TYPE ? attempt : undefined;
    const used = new Set<string>();
    const early = job?.early ?? [];
    const store = async (output: JobOutput, n: number): Promise<JobOutput> => {
      const content = contents[n] ?? Buffer.alloc(0);
      if (!job) return this.#put({ id, name: String(n), output, content }, [], put);
      // A file that a node names twice is fetched once.
      const known = output.place !== undefined && !used.has(output.place) ? output.place : undefined;
      const place = known ?? freePlace(job, output, used);
      const isStored = known !== undefined && this.#parts.shelf.holds(id, known);
      const others = known === undefined ? early.filter((one) => !used.has(one.place)) : [];
      const placed = { id, name: place, output: { ...output, place }, content };
      const kept = isStored ? output : await this.#put(placed, others, put);
      used.add(kept.place ?? place);
      return kept;
    };
    const primary = await store(first, 0);
    const rest: JobOutput[] = [];
    for (const [n, output] of others.entries()) rest.push(await store(output, n + 1));
    return [primary, ...rest];
  }

  /**
   * Stores an output, unless an earlier attempt made the same one: then the client goes on with that.
   * @param early outputs of earlier attempts
   * @param put gets the name and the key of an output that was stored now
   */
  async #put(
    { id, name, output, content }: Placed,
    early: readonly EarlyOutput[],
    put: Map<string, string>,
  ): Promise<JobOutput> {
    const { shelf } = this.#parts;
    const key = await shelf.put(id, name, content);
    const kept = { ...output, key };
    for (const one of early) {
      if (slotOf(one.place) !== slotOf(name) || !(await shelf.areSame(one, kept))) continue;
      shelf.withdraw(id, new Map([[name, key]]));
      return { ...output, key: one.key, place: one.place, createdTime: one.createdTime };
    }
    put.set(name, key);
    return kept;
  }

  /** Another server may have ended the job before it had the output. */
  async #isRecorded(id: string, place: string): Promise<boolean> {
    const { records } = this.#parts;
    try {
      const job = await records.get(id);
      return job !== undefined && outputAt(job, place) !== undefined;
    } catch {
      // If it is not recorded, an audit releases its bytes when the job is removed.
      return true;
    }
  }
}

/** The place of an output that was not stored early: the next one of its node that means no other output. */
function freePlace(job: Job, { nodeId }: JobOutput, used: ReadonlySet<string>): string {
  for (let index = 0; ; index += 1) {
    const place = placeOf(nodeId, index, job.attempts);
    if (!used.has(place) && !outputAt(job, place)) return place;
  }
}
