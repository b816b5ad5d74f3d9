import { isFinished, } from './Job.js';
/** pending → processing. */
export function begin(job, now, instance) {
    if (job.status !== 'pending')
        return undefined;
    return {
        ...job,
        status: 'processing',
        updatedTime: now,
        attempts: job.attempts + 1,
        assignment: { instance, processingStartTime: now, promptId: undefined },
        currentNode: undefined,
    };
}
/** ComfyUI took the prompt. */
export function withPrompt(job, now, promptId) {
    if (job.status !== 'processing')
        return undefined;
    return { ...job, updatedTime: now, assignment: { ...job.assignment, promptId } };
}
/** Progress never falls, not even when another instance starts over, and 100 is for completed jobs. */
export function withProgress(job, now, percentage, currentNode) {
    if (job.status !== 'processing')
        return undefined;
    const progress = Math.max(job.progress, Math.min(99, percentage));
    return { ...job, updatedTime: now, currentNode, progress };
}
/** processing → pending: another instance is to try. */
export function requeue(job, now, category) {
    if (job.status !== 'processing')
        return undefined;
    const { assignment, currentNode: _node, ...rest } = job;
    const failedTries = [...job.failedTries, { instance: assignment.instance, category }];
    return { ...rest, status: 'pending', updatedTime: now, failedTries };
}
/** processing → completed. */
export function complete(job, now, result) {
    if (job.status !== 'processing')
        return undefined;
    const { failedTries: _tries, currentNode: _node, ...rest } = job;
    return { ...rest, status: 'completed', updatedTime: now, finishedTime: now, progress: 100, result };
}
/** pending or processing → failed. */
export function fail(job, now, failure) {
    const ended = end(job, now);
    return ended && { ...ended, status: 'failed', failure };
}
/** pending or processing → cancelled. */
export function cancel(job, now) {
    const ended = end(job, now);
    return ended && { ...ended, status: 'cancelled' };
}
function end(job, now) {
    if (isFinished(job))
        return undefined;
    const { id, request, createdTime, attempts, progress } = job;
    const assignment = job.status === 'processing' ? job.assignment : undefined;
    return { id, request, createdTime, attempts, progress, updatedTime: now, assignment, finishedTime: now };
}
//# sourceMappingURL=transitions.js.map