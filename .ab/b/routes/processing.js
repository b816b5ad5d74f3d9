import { imageUpload } from '../middleware/upload.js';
import { UploadBudget } from '../middleware/uploadBudget.js';
import { route } from './route.js';
import { Submission } from './Submission.js';
/** Both routes of every workflow. */
export function processingRoutes(router, services, config, views, sender) {
    const upload = imageUpload({
        maxFileBytes: config.MAX_FILE_SIZE,
        pace: { minBytesPerSecond: config.MIN_TRANSFER_RATE, wholeMs: config.UPLOAD_TIMEOUT },
        budget: new UploadBudget(config.MAX_UPLOAD_MEMORY),
        retryAfterSeconds: () => services.admission.retryAfterSeconds(),
    });
    for (const workflow of services.workflows) {
        const submission = new Submission(workflow, { services, config, views, sender });
        const early = submission.checkBeforeUpload;
        route(router, `/api/${workflow.type}`, { post: [early, upload, submission.syncOrAsync] });
        route(router, `/api/async/${workflow.type}`, { post: [early, upload, submission.alwaysAsync] });
    }
}
//# sourceMappingURL=processing.js.map