import type { IRouter } from 'express';
import type { Config } from '../config.js';
import { receiveUpload } from '../middleware/upload.js';
import type { Services } from '../services/index.js';
import type { JobViews } from './jobViews.js';
import { route } from './route.js';
import { SubmissionRoutes } from './SubmissionRoutes.js';
import type { ResultSender } from './sendResult.js';

/** Both routes of every workflow. */
export function processingRoutes(
  router: IRouter,
  services: Services,
  config: Config,
  views: JobViews,
  sender: ResultSender,
): void {
  const options = {
    maxFileBytes: config.MAX_FILE_SIZE,
    pace: { minBytesPerSecond: config.MIN_TRANSFER_RATE, wholeMs: config.UPLOAD_TIMEOUT },
    budget: services.uploadBudget,
  };
  for (const workflow of services.workflows) {
    const submission = new SubmissionRoutes(workflow, { services, config, views, sender });
    const upload = receiveUpload(workflow, options);
    const early = submission.checkBeforeUpload;
    route(router, `/api/${workflow.type}`, { post: [early, upload, submission.syncOrAsync] });
    route(router, `/api/async/${workflow.type}`, { post: [early, upload, submission.alwaysAsync] });
  }
}
