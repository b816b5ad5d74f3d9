import { AppError, type ErrorCode, type ErrorDetails } from '../../errors.js';

/** An invalid file, and the reason. */
export interface WorkflowProblem {
  /** Its name in the folder, or a placeholder for it. */
  readonly file: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}

/** @param error thrown while the file was read */
export function problemOf(file: string, error: unknown): WorkflowProblem {
  if (error instanceof AppError) {
    const { code, message, details } = error;
    return { file, code, message, ...(details !== undefined && { details }) };
  }
  // The message of the file system contains the whole path.
  const code = (error as NodeJS.ErrnoException).code ?? 'an error';
  return { file, code: 'INVALID_WORKFLOW', message: `The file cannot be read (${code}).` };
}
