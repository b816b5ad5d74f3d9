import { AppError } from '../../errors.js';
import type { StoredBytes } from './BlobStore.js';
import type { CompletedJob, Job, JobOutput } from './Job.js';
import type { ResultShelf, ShelfFigures } from './ResultShelf.js';

interface Found {
  readonly job: CompletedJob;
  readonly output: JobOutput;
}

/** Reads the outputs of jobs. */
export class JobOutputs {
  readonly #jobOf: (id: string) => Promise<Job>;
  readonly #shelf: ResultShelf;

  /** @param jobOf throws AppError `JOB_NOT_FOUND` */
  constructor(jobOf: (id: string) => Promise<Job>, shelf: ResultShelf) {
    this.#jobOf = jobOf;
    this.#shelf = shelf;
  }

  /** Memory of stored results, and its limit. */
  get memory(): ShelfFigures {
    return this.#shelf.figures;
  }

  /**
   * A completed job with its primary output, completely in memory: for images and texts.
   * @throws AppError `JOB_NOT_FOUND`, `JOB_NOT_COMPLETED` or `RESULT_EXPIRED`
   */
  async result(id: string): Promise<{ job: CompletedJob; image: Buffer }> {
    const { job, bytes } = await this.output(id, 0);
    return { job, image: bytes };
  }

  /**
   * A completed job with one of its outputs, completely in memory: for images and texts.
   * @param index from 0
   * @throws AppError like `result`, or `NOT_FOUND` if the job has no such output
   */
  async output(id: string, index: number): Promise<Found & { readonly bytes: Buffer }> {
    const found = outputIn(await this.#jobOf(id), index);
    const bytes = await this.#shelf.whole(found.output);
    if (!bytes) throw resultExpired(id);
    return { ...found, bytes };
  }

  /** Like `output`, without loading bytes that are not in memory. */
  async storedOutput(id: string, index: number): Promise<Found & { readonly bytes: Buffer | StoredBytes }> {
    return this.storedOutputOf(await this.#jobOf(id), index);
  }

  /** Like `storedOutput`, for a job whose newest record the caller has. */
  async storedOutputOf(job: Job, index: number): Promise<Found & { readonly bytes: Buffer | StoredBytes }> {
    const found = outputIn(job, index);
    return { ...found, bytes: await this.bytesOf(job.id, found.output) };
  }

  /**
   * The bytes of an output in a job's record, whatever the state of the job.
   * @throws AppError `RESULT_EXPIRED`
   */
  async bytesOf(jobId: string, output: JobOutput): Promise<Buffer | StoredBytes> {
    const bytes = await this.#shelf.get(output);
    if (!bytes) throw resultExpired(jobId);
    return bytes;
  }

  /**
   * The bytes of a primary output for a JSON response: all of an image or a text, and none of anything else.
   * @param found from `storedOutput`
   * @throws AppError `RESULT_EXPIRED`
   */
  async shownBytes({ id, result }: CompletedJob, found: Buffer | StoredBytes): Promise<Buffer> {
    if (Buffer.isBuffer(found)) return found;
    const { kind } = result.outputs[0];
    return kind === 'image' || kind === 'text' ? (await this.output(id, 0)).bytes : Buffer.alloc(0);
  }
}

/** @throws AppError `JOB_NOT_COMPLETED` or `NOT_FOUND` */
function outputIn(job: Job, index: number): Found {
  if (job.status !== 'completed') {
    throw new AppError('JOB_NOT_COMPLETED', `The job is ${job.status}, not completed.`, {
      fields: { job_id: job.id, status: job.status },
    });
  }
  const output = job.result.outputs[index];
  if (!output)
    throw new AppError('NOT_FOUND', `The job has no such output; it has ${job.result.outputs.length}.`, {
      fields: { job_id: job.id },
    });
  return { job, output };
}

function resultExpired(id: string): AppError {
  return new AppError('RESULT_EXPIRED', 'The result was dropped to make room for newer ones.', {
    fields: { job_id: id },
  });
}
