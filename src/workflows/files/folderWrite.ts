import { AppError } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';

/** The folder takes no files until an operator changes it. */
const READ_ONLY: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST']);
/** The disk takes no files now. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);
/** `Retry-After` for a full disk, seconds: somebody has to make room. */
const RETRY_SECONDS = 60;

/**
 * Changes files of the workflow folder.
 * @throws AppError `FORBIDDEN` if the folder is not writable, `QUEUE_UNAVAILABLE` if the disk is full; the log has the reason
 */
export async function folderWrite(type: string, logger: Logger, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    logger.error('A workflow file cannot be written', { jobType: type, error: message });
    if (READ_ONLY.has(code)) {
      throw new AppError(
        'FORBIDDEN',
        'This server cannot store workflows: its WORKFLOWS_DIR is not writable.',
        {
          cause: error,
        },
      );
    }
    if (FULL.has(code)) {
      throw new AppError('QUEUE_UNAVAILABLE', 'This server cannot store workflows now: its disk is full.', {
        retryAfterSeconds: RETRY_SECONDS,
        cause: error,
      });
    }
    throw error;
  }
}
