import { MiddlewareError } from '../client/index.js';

/** Returns an error message for the user. */
export function messageOf(error: unknown): string {
  if (!(error instanceof MiddlewareError)) return 'The server cannot be reached. Try again in a moment.';
  switch (error.code) {
    case 'JOB_NOT_FOUND':
      return 'The server does not know this job any more: it was restarted, or the job expired. Start it again.';
    case 'QUEUE_FULL':
    case 'RATE_LIMITED':
      return `${error.message}${error.retryAfterSeconds ? ` Try again in ${error.retryAfterSeconds} s.` : ''}`;
    default:
      return error.message;
  }
}
