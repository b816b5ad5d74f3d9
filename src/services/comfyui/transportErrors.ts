import { messageOf, PromptError } from '../../errors.js';
import type { PromptFailure } from '../../promptFailures.js';

const REFUSED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
]);
const TIMED_OUT = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/**
 * Names what went wrong between this server and an instance. The error carries no request, which may hold a secret
 * header.
 */
export function transportError(action: string, error: unknown, timedOut: boolean): PromptError {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const reason = timedOut ? 'no answer in time' : (code ?? messageOf(error));
  return new PromptError(failureOf(code, timedOut), `${action} failed: ${reason}`);
}

function failureOf(code: string | undefined, timedOut: boolean): PromptFailure {
  if (timedOut || (code && TIMED_OUT.has(code))) return 'no answer';
  if (code && REFUSED.has(code)) return 'connection refused';
  return 'connection lost';
}
