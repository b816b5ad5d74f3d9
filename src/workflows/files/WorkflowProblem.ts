import { AppError, type ErrorCode, type ErrorDetails } from '../../errors.js';

/** A file that cannot be used, and why. */
export interface WorkflowProblem {
  /** Its name in the folder, or what stands for it. */
  readonly file: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

/** @param error what came of reading the file */
export function problemOf(file: string, error: unknown): WorkflowProblem {
  if (error instanceof AppError) {
    const { code, message, details } = error;
    return { file, code, message, ...(details !== undefined && { details }) };
  }
  // The file system's own message has the whole path.
  const code = (error as NodeJS.ErrnoException).code ?? 'an error';
  return { file, code: 'INVALID_WORKFLOW', message: `The file cannot be read (${code}).` };
}
