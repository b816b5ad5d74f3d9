import type { z } from 'zod';
import type { ErrorCode } from '../errors.js';
import type { errorAnswer } from '../schemas/common.js';

type ErrorBody = z.output<typeof errorAnswer>;

/** An error response of the server. */
export class MiddlewareError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** One of the server's codes; undefined if something else responded, such as a proxy. */
  readonly code: ErrorCode | undefined;
  readonly details: ErrorBody['details'];
  readonly requestId: string | undefined;
  readonly jobId: string | undefined;
  /** Seconds until a retry, if the server specifies it. */
  readonly retryAfterSeconds: number | undefined;

  private constructor(response: Response, body: Partial<ErrorBody>) {
    super(body.error ?? `${response.status} ${response.statusText}`.trim());
    this.name = 'MiddlewareError';
    this.status = response.status;
    this.code = body.code;
    this.details = body.details;
    this.requestId = body.requestId ?? response.headers.get('X-Request-ID') ?? undefined;
    this.jobId = body.job_id;
    const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined;
  }

  /** Reads an error response. */
  static async from(response: Response): Promise<MiddlewareError> {
    const body: unknown = await response.json().catch(() => undefined);
    const isObject = typeof body === 'object' && body !== null;
    return new MiddlewareError(response, isObject ? (body as Partial<ErrorBody>) : {});
  }
}
