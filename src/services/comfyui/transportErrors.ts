import { messageOf, PromptError } from '../../errors.js';
import type { PromptFailure } from '../../promptFailures.js';
import { DeadlineExceeded } from '../../utils/deadline.js';
import { isShortage } from '../../utils/shortage.js';

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
/** Codes of Node.js for a certificate that it does not accept. */
const CERTIFICATE = /^(CERT_|DEPTH_ZERO_|ERR_TLS_CERT_|SELF_SIGNED_|UNABLE_TO_)/;

/** Names a connection failure. The error contains no request, which may have a secret header. A `PromptError` stays as it is. */
export function transportError(action: string, error: unknown): PromptError {
  if (error instanceof PromptError) return error;
  if (isShortage(error)) {
    const message = `${action} failed: the server has no file descriptors or no memory left (${codeOf(error)}).`;
    return new PromptError('server exhausted', message);
  }
  const timedOut = error instanceof DeadlineExceeded;
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const cause = code && CERTIFICATE.test(code) ? `its certificate is not trusted (${code})` : code;
  const reason = timedOut ? 'no response in time' : (cause ?? messageOf(error));
  return new PromptError(failureOf(code, syscall, timedOut), `${action} failed: ${reason}`);
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function failureOf(code: string | undefined, syscall: string | undefined, timedOut: boolean): PromptFailure {
  if (timedOut || (code && TIMED_OUT.has(code))) return 'no answer';
  // The same codes can come from an established connection: then the request may have arrived.
  if (code && REFUSED.has(code) && syscall !== 'read' && syscall !== 'write') return 'connection refused';
  return 'connection lost';
}
