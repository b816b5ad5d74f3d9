import {
  type ErrorCategory,
  isOfServer,
  needsRestart,
  PROMPT_FAILURES,
  type PromptFailure,
  type Verdict,
} from './promptFailures.js';

/** Error codes of the REST API, with their HTTP status. */
export const ERROR_STATUS = {
  NO_IMAGE: 400,
  INVALID_PARAMETER: 400,
  INVALID_IMAGE: 400,
  MALFORMED_UPLOAD: 400,
  TOO_MANY_FILES: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  JOB_NOT_FOUND: 404,
  INSTANCE_NOT_FOUND: 404,
  BREAKER_NOT_FOUND: 404,
  WORKFLOW_NOT_FOUND: 404,
  ASSET_NOT_FOUND: 404,
  BLOB_NOT_FOUND: 404,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  JOB_NOT_COMPLETED: 409,
  JOB_ALREADY_FINISHED: 409,
  IDEMPOTENCY_IN_PROGRESS: 409,
  HASH_MISMATCH: 409,
  ASSET_IN_USE: 409,
  WORKFLOW_BUILT_IN: 409,
  INSTANCE_EXISTS: 409,
  RESULT_EXPIRED: 410,
  FILE_TOO_LARGE: 413,
  IMAGE_TOO_LARGE: 413,
  URI_TOO_LONG: 414,
  UNSUPPORTED_IMAGE_TYPE: 415,
  UNSUPPORTED_FILE_TYPE: 415,
  UNSUPPORTED_ENCODING: 415,
  RANGE_NOT_SATISFIABLE: 416,
  IDEMPOTENCY_KEY_REUSED: 422,
  INVALID_WORKFLOW: 422,
  WORKFLOW_FORMAT_UI: 422,
  INPUT_UNREACHABLE: 422,
  RATE_LIMITED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL_ERROR: 500,
  WORKFLOW_FAILED: 502,
  WORKFLOW_INVALID: 502,
  QUEUE_FULL: 503,
  QUEUE_UNAVAILABLE: 503,
  NO_HEALTHY_INSTANCES: 503,
  SHUTTING_DOWN: 503,
  SYNC_TIMEOUT: 504,
  JOB_TIMEOUT: 504,
  DEADLINE_EXCEEDED: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, text);
}

/** What an error response may contain besides its message: no stack, no path, no internal host names. */
export type ErrorDetails = string | Record<string, unknown>;

interface AppErrorOptions {
  readonly details?: ErrorDetails | undefined;
  readonly cause?: unknown;
  /** Further top-level fields of the response, such as `job_id` and `status_url`. */
  readonly fields?: Record<string, unknown> | undefined;
  /** Seconds for the `Retry-After` header. */
  readonly retryAfterSeconds?: number | undefined;
}

/** An error with a known cause: created where it happens, turned into an HTTP response by one handler. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails | undefined;
  readonly fields: Record<string, unknown>;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.details = options.details;
    this.fields = options.fields ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

interface PromptErrorOptions {
  readonly details?: Record<string, unknown> | undefined;
  readonly cause?: unknown;
  /** All texts that the client sent, which the message may repeat. */
  readonly clientTexts?: readonly string[];
}

/** A prompt that failed to produce an output. The table of failures defines the consequences. */
export class PromptError extends AppError {
  readonly failure: PromptFailure;
  /** Whether the machine is unusable until ComfyUI restarts. */
  readonly needsRestart: boolean;
  /** Id of a prompt that may still be on the machine, or may have finished there unnoticed. */
  leftBehind: string | undefined;
  /** Whether an earlier attempt with the same prompt counts towards `JOB_MAX_ATTEMPTS`. */
  isCounted = false;
  /** Size of the uploaded image in bytes, if relevant. */
  sentBytes: number | undefined;
  declare readonly details: Record<string, unknown> | undefined;

  constructor(failure: PromptFailure, message: string, options: PromptErrorOptions = {}) {
    super(codeOfCategory(PROMPT_FAILURES[failure].category), message, options);
    this.failure = failure;
    this.needsRestart = needsRestart(failure, message, options.clientTexts);
  }

  get verdict(): Verdict {
    return PROMPT_FAILURES[this.failure];
  }

  get category(): ErrorCategory {
    return this.verdict.category;
  }
}

/** Whether this server itself failed, for a while: see `isOfServer`. */
export function isServerFailure(error: unknown): error is PromptError {
  return error instanceof PromptError && isOfServer(error.failure);
}

/** The error code of a job that failed for this reason. */
function codeOfCategory(category: ErrorCategory): ErrorCode {
  switch (category) {
    case 'workflow_validation':
      return 'WORKFLOW_INVALID';
    case 'processing_timeout':
      return 'JOB_TIMEOUT';
    case 'internal':
      return 'INTERNAL_ERROR';
    default:
      return 'WORKFLOW_FAILED';
  }
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Like `messageOf`, for the log: the message of an outage is for clients, so this is the message of its cause. */
export function reasonOf(error: unknown): string {
  return messageOf(isQueueAway(error) ? (error.cause ?? error) : error);
}

/** Whether a call failed because the queue or the asset store is unavailable. This is temporary, and whoever connects to it logs it. */
export function isQueueAway(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'QUEUE_UNAVAILABLE';
}
