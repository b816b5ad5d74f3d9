import type { JobRequest } from '../../src/services/jobs/Job.js';
import { removeBackground } from '../../src/workflows/removeBackground.js';

/** A request for tests about jobs that do not depend on its content. */
export const JOB_REQUEST: JobRequest = {
  type: 'remove-background',
  workflow: removeBackground,
  parameters: {},
  format: 'PNG',
  files: {
    image: {
      kind: 'image',
      sizeBytes: 1,
      mimeType: 'image/png',
      filename: 'x',
      image: {
        mimeType: 'image/png',
        width: 1,
        height: 1,
        hasAlpha: false,
        orientation: 1,
        content: 'plain',
        isLossy: false,
      },
    },
  },
  originalFilename: 'x',
  requestId: 'x',
  owner: undefined,
};
