import type { JobStatus } from './options.js';

/** A job that was waited for, and failed or was cancelled. */
export class JobNotCompleted extends Error {
  /** How it ended, with `error_code` and `error_details` where it failed. */
  readonly status: JobStatus;

  constructor(status: JobStatus) {
    super(status.status === 'failed' ? status.error : `The job is ${status.status}.`);
    this.name = 'JobNotCompleted';
    this.status = status;
  }
}
