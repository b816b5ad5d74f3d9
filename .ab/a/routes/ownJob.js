import { callerOf, mayUse } from '../middleware/authentication.js';
/** The id in a route's path. */
export function idOf(request) {
    return String(request.params['id']);
}
/**
 * The job that a request is about. Somebody else's job is no job: its id tells nothing, not even that there is one.
 * @throws AppError `JOB_NOT_FOUND`
 */
export async function ownJob(manager, request, response) {
    const id = idOf(request);
    const job = await manager.get(id);
    if (!mayUse(callerOf(response), job.request.owner))
        throw manager.noSuchJob(id);
    return job;
}
//# sourceMappingURL=ownJob.js.map