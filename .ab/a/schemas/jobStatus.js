/** The states of a job, in the order of its life. */
export const JOB_STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled'];
//# sourceMappingURL=jobStatus.js.map