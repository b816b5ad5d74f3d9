import axios from 'axios';
import { type ErrorCategory, messageOf, PromptError } from '../../errors.js';

const REFUSED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
]);
const TIMED_OUT = new Set(['ETIMEDOUT', 'ECONNABORTED', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * Names what went wrong between this server and an instance. Such failures are the instance's or the network's,
 * so another try makes sense; they say where (`host`) but carry no request, which may hold a secret header.
 */
export function transportError(host: string, action: string, error: unknown, timedOut: boolean): PromptError {
  if (error instanceof PromptError) return error;
  const code = axios.isAxiosError(error) ? error.code : (error as NodeJS.ErrnoException | null)?.code;
  const category = categoryOf(code, timedOut);
  const reason = timedOut ? 'no answer in time' : (code ?? messageOf(error));
  return new PromptError(`${action} on ${host} failed: ${reason}`, { category, retryable: true });
}

function categoryOf(code: string | undefined, timedOut: boolean): ErrorCategory {
  if (timedOut || (code && TIMED_OUT.has(code))) return 'connection_timeout';
  if (code && REFUSED.has(code)) return 'connection_refused';
  return 'connection_lost';
}
