import type { Readable } from 'node:stream';
import { AppError } from '../../errors.js';
import type { Content } from '../../utils/StoredFile.js';
import type { OutputFile } from '../comfyui/outputItems.js';
import type { Instance } from '../instances/Instance.js';
import { assignmentOf, type Job } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { FilePlace } from './filePlace.js';
import { jobOfFile } from './PromptNames.js';
import type { PromptShelf } from './PromptShelf.js';

/** A file that is here, or on a machine. */
export type FoundFile =
  | { readonly content: Content }
  /** @param receive takes the bytes as they come. Fails with PromptError `result gone` where they are not there */
  | { readonly read: <T>(receive: (body: Readable) => Promise<T>) => Promise<T> };

interface Parts {
  readonly manager: JobManager;
  readonly shelf: PromptShelf;
  readonly instances: readonly Instance[];
}

/** What prompts made, wherever they ran: on their machine until the job has ended, then here. */
export class ResultFiles {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * @param mayUse whether the caller may see what belongs to this owner
   * @returns undefined where no prompt made it that the caller may know of
   */
  async find(
    place: FilePlace,
    owner: string | undefined,
    mayUse: (owner: string | undefined) => boolean,
  ): Promise<FoundFile | undefined> {
    const { shelf } = this.#parts;
    const jobId = jobOfFile(place.filename) ?? shelf.withFile(place, owner)?.record.jobId;
    const job = jobId === undefined ? undefined : await this.#job(jobId);
    if (!job || !mayUse(job.request.owner)) return undefined;
    const made = shelf.ofJob(job.id)?.files.get(place);
    if (job.status === 'completed') {
      const index = made ? indexOf(job, made) : indexByName(job, place);
      const kept = index === undefined ? undefined : await this.#kept(job.id, index);
      if (kept) return kept;
    }
    return made && this.#onMachine(job, made.onMachine);
  }

  async #job(id: string): Promise<Job | undefined> {
    try {
      return await this.#parts.manager.get(id);
    } catch (error) {
      if (error instanceof AppError && error.code === 'JOB_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** undefined where it was dropped to make room: the machine may have it still. */
  async #kept(id: string, index: number): Promise<FoundFile | undefined> {
    try {
      const { bytes } = await this.#parts.manager.outputs.storedOutput(id, index);
      return { content: bytes };
    } catch (error) {
      if (error instanceof AppError && error.code === 'RESULT_EXPIRED') return undefined;
      throw error;
    }
  }

  #onMachine(job: Job, file: OutputFile): FoundFile | undefined {
    const host = assignmentOf(job)?.instance;
    const instance = this.#parts.instances.find((one) => one.host === host);
    return instance && { read: (receive) => instance.client.viewStream(file, receive) };
  }
}

type Completed = Job & { status: 'completed' };

/** Which of all outputs is the n-th thing that a node made. */
function indexOf(
  { result }: Completed,
  { nodeId, index }: { readonly nodeId: string; readonly index: number },
): number | undefined {
  const ofNode = [...result.outputs.entries()].filter(([, output]) => output.nodeId === nodeId);
  return ofNode[index]?.[0];
}

/** For a job of which only the record is left: its files are known by the names that they would have without a mark. */
function indexByName({ id, result }: Completed, { filename }: FilePlace): number | undefined {
  const index = result.outputs.findIndex((output) => output.filename === filename.replace(`-${id}`, ''));
  return index === -1 ? undefined : index;
}
