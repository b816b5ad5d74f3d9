import type { JobStatus } from './options.js';

/** A job that failed or was cancelled. */
export class JobNotCompleted extends Error {
  /** Its final status, with `error_code` and `error_details` if it failed. */
  readonly status: JobStatus;

  constructor(status: JobStatus) {
    super(status.status === 'failed' ? status.error : `The job is ${status.status}.`);
    this.name = 'JobNotCompleted';
    this.status = status;
  }
}
