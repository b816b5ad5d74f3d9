import { AppError } from '../../errors.js';
import type { Content } from '../../utils/StoredFile.js';
import type { Job, JobFile, JobRequest } from './Job.js';
import type { JobBlobs } from './JobBlobs.js';

/** The files of unfinished jobs. */
export class JobInputs {
  readonly #blobs: JobBlobs;

  constructor(blobs: JobBlobs) {
    this.#blobs = blobs;
  }

  /**
   * Stores the files of a new job.
   * @param files bytes by the names of the request's files
   * @returns the request, whose files have the keys of their bytes
   * @throws the rejection of the store; nothing is left then
   */
  async put(id: string, request: JobRequest, files: ReadonlyMap<string, Content>): Promise<JobRequest> {
    const keys = await this.#blobs.put(id, files);
    const kept = Object.entries(request.files).map(([name, file]) => [
      name,
      { ...file, key: keys.get(name) },
    ]);
    return { ...request, files: Object.fromEntries(kept) };
  }

  /** All bytes of a file, in memory: for images. @throws AppError `INTERNAL_ERROR` if they are gone */
  async whole(file: JobFile): Promise<Buffer> {
    const bytes = await this.#blobs.whole(file);
    if (!bytes) throw fileGone();
    return bytes;
  }

  /** Like `whole`, without loading bytes that are not in memory. */
  async stored(file: JobFile): Promise<Content> {
    const content = await this.#blobs.get(file);
    if (!content) throw fileGone();
    return content;
  }

  /** The deletion is not awaited. */
  delete(job: Job): void {
    this.#blobs.delete(job);
  }
}

function fileGone(): AppError {
  return new AppError('INTERNAL_ERROR', 'An input file of the job no longer exists.');
}
