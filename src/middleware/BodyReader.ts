import type { Request, Response } from 'express';
import type { FileSource } from '../services/submissions/Submission.js';

/** What came in a body. */
export interface ReceivedBody {
  /** By the names of the workflow's file inputs. */
  readonly files: ReadonlyMap<string, FileSource>;
  /** Everything else, by name. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** One form of body, and how it is read. For one request. */
export interface BodyReader {
  /** Bytes that the body may have. */
  readonly maxBytes: number;
  /** Bytes of files that may be in memory while it is read. */
  readonly maxHeldBytes: number;
  /** @throws AppError for a body that is not as it must be */
  read(request: Request, response: Response): Promise<ReceivedBody>;
  /** Lets go what came so far. */
  discard(): void;
}
