import type { z } from 'zod';
import type { ErrorCode } from '../errors.js';
import type { errorAnswer } from '../schemas/common.js';

type Details = z.output<typeof errorAnswer>['details'];
type Fields = Readonly<Record<string, unknown>>;

/** An error response of the server. */
export class MiddlewareError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** One of the server's codes; undefined for other formats, such as those of proxies and of `/api/v2`. */
  readonly code: ErrorCode | undefined;
  /** For formats in which `error` is an object: this object. */
  readonly details: Details;
  readonly requestId: string | undefined;
  readonly jobId: string | undefined;
  /** Seconds until a retry, if the server specifies it. */
  readonly retryAfterSeconds: number | undefined;

  private constructor(response: Response, body: Fields) {
    const error = isFields(body['error']) ? body['error'] : undefined;
    const message = textOf(error ? error['message'] : body['error']);
    super(message ?? `${response.status} ${response.statusText}`.trim());
    this.name = 'MiddlewareError';
    this.status = response.status;
    this.code = textOf(body['code']) as ErrorCode | undefined;
    this.details = error ?? detailsOf(body['details']);
    this.requestId = textOf(body['requestId']) ?? response.headers.get('X-Request-ID') ?? undefined;
    this.jobId = textOf(body['job_id']);
    this.retryAfterSeconds = secondsOf(response.headers.get('Retry-After'));
  }

  /** Reads an error response. */
  static async from(response: Response): Promise<MiddlewareError> {
    const body: unknown = await response.json().catch(() => undefined);
    return new MiddlewareError(response, isFields(body) ? body : {});
  }
}

/** The seconds of a `Retry-After`. Proxies may send a date. */
function secondsOf(header: string | null): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const time = Date.parse(header);
  return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1000);
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function detailsOf(value: unknown): Details {
  return isFields(value) ? value : textOf(value);
}
