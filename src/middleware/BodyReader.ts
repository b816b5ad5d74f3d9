import type { Request, Response } from 'express';
import type { FileSource } from '../services/submissions/Submission.js';

/** The content of a body. */
export interface ReceivedBody {
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** Everything else, by name. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Reads one format of body, for one request. */
export interface BodyReader {
  /** Maximum size of the body. */
  readonly maxBytes: number;
  /** Maximum bytes of files in memory while it is read. */
  readonly maxHeldBytes: number;
  /** @throws AppError for an invalid body */
  read(request: Request, response: Response): Promise<ReceivedBody>;
  /** Releases the bytes received so far. */
  discard(): void;
}
