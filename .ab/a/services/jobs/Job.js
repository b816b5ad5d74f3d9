export function isFinished(job) {
    return job.status === 'completed' || job.status === 'failed' || job.status === 'cancelled';
}
/** The instance that has, or last had, the job. */
export function assignmentOf(job) {
    return job.status === 'pending' ? undefined : job.assignment;
}
/** Milliseconds from the start of processing to its end, undefined where there was none. */
export function processingDuration(job) {
    return job.assignment && job.finishedTime - job.assignment.processingStartTime;
}
//# sourceMappingURL=Job.js.map