import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AppError } from '../../errors.js';
import type { Instance } from '../instances/Instance.js';
import { assignmentOf, type Job, type JobOutput } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { FileVersion, FoundFile } from './FoundFile.js';
import { type FilePlace, placeKey } from './filePlace.js';
import type { MadeFile } from './PromptFiles.js';
import { jobsOfFile } from './PromptNames.js';
import type { PromptShelf } from './PromptShelf.js';
import { outputAtPlace } from './recordedOutputs.js';
import { withoutPrompt } from './withoutPrompt.js';

interface Parts {
  readonly manager: JobManager;
  readonly shelf: PromptShelf;
  readonly instances: readonly Instance[];
  /** Maximum width x height of a result. */
  readonly maxPixels: number;
}

/** Finds output files of prompts, wherever they ran: on this server, or on the machine until they are stored here. */
export class ResultFiles {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * @param mayUse whether the caller may access files of this owner
   * @returns `undefined` if no prompt that the caller may access created the file
   */
  async find(
    place: FilePlace,
    owner: string | undefined,
    mayUse: (owner: string | undefined) => boolean,
  ): Promise<FoundFile | undefined> {
    const known = this.#parts.shelf.withFile(place, owner)?.record.jobId;
    for (const id of new Set([...(known === undefined ? [] : [known]), ...jobsOfFile(place.filename)])) {
      const job = await this.#job(id);
      const file = job && mayUse(job.request.owner) ? await this.#ofJob(job, place) : undefined;
      if (file) return file;
    }
    return undefined;
  }

  async #ofJob(job: Job, place: FilePlace): Promise<FoundFile | undefined> {
    const made = this.#parts.shelf.ofJob(job.id)?.files.get(place);
    const output = made && job.status !== 'completed' ? earlyOutput(job, made) : outputAtPlace(job, place);
    const kept = output && (await this.#kept(job, output, place));
    if (kept) return kept;
    return made && this.#onMachine(job, made);
  }

  async #job(id: string): Promise<Job | undefined> {
    try {
      return await this.#parts.manager.get(id);
    } catch (error) {
      if (error instanceof AppError && error.code === 'JOB_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Returns `undefined` if the result was dropped to make room: the machine may still have the file. */
  async #kept(job: Job, output: JobOutput, place: FilePlace): Promise<FoundFile | undefined> {
    try {
      const content = await this.#parts.manager.outputs.bytesOf(job.id, output);
      return { content, version: versionOf(job, place), maxPixels: this.#parts.maxPixels };
    } catch (error) {
      if (error instanceof AppError && error.code === 'RESULT_EXPIRED') return undefined;
      throw error;
    }
  }

  #onMachine(job: Job, { onMachine: file, place, mark }: MadeFile): FoundFile | undefined {
    const host = assignmentOf(job)?.instance;
    const instance = this.#parts.instances.find((one) => one.host === host);
    if (!instance) return undefined;
    return {
      version: versionOf(job, place),
      maxPixels: this.#parts.maxPixels,
      // This server does not have the result yet, or no longer. By now another prompt may have written the file.
      read: (receive) =>
        instance.client.files.stream(file, async (sent, { headers }) => {
          const length = headers['content-length'];
          const sizeBytes = length === undefined ? undefined : Number(length);
          const clean = await withoutPrompt({ body: sent, sizeBytes }, file.filename, mark);
          return receive(clean.body, clean.sizeBytes);
        }),
    };
  }
}

/** The same before and after the job's end. Another attempt may create other bytes under the same name. */
function versionOf(job: Job, place: FilePlace): FileVersion {
  const promptId = job.status === 'completed' ? job.result.promptId : assignmentOf(job)?.promptId;
  const name = createHash('sha256').update(placeKey(place)).digest('hex').slice(0, 16);
  return {
    id: `${promptId ?? job.id}-${name}`,
    modifiedAt: job.status === 'completed' ? job.finishedTime : undefined,
  };
}

/** Returns the output with the bytes of a file, if it is stored. Another attempt may have made another file at the same place. */
function earlyOutput(job: Job, { onMachine, mark }: MadeFile): JobOutput | undefined {
  return job.early?.find(({ origin }) => origin?.mark === mark && isDeepStrictEqual(origin?.file, onMachine));
}
