/** The states of a job, in the order of its life. */
export declare const JOB_STATUSES: readonly ["pending", "processing", "completed", "failed", "cancelled"];
export type JobStatus = (typeof JOB_STATUSES)[number];
