import { z } from 'zod';
import { parametersOf } from '../../middleware/upload.js';
import { parseParameters } from '../../schemas/parse.js';
import { booleanParameter } from '../../workflows/parameters.js';
import { type Endpoint, TAGS } from '../Endpoint.js';
import { jobPath, ownJob, withStatusUrl } from '../ownJob.js';

const path = jobPath.extend({
  index: z.string().meta({ description: 'Index of the output in `outputs`, starting at 0.' }),
});

const query = z.object({
  download: booleanParameter.describe('Make browsers save the file instead of showing it.'),
});

/** An index that no job has. */
const NO_OUTPUT = -1;

/** Downloads one output of a job. */
export const outputEndpoint: Endpoint = {
  id: 'job_output',
  method: 'get',
  path: '/api/jobs/{id}/outputs/{index}',
  tag: TAGS.jobs,
  summary: 'Downloads one output of a completed job. Supports ETag and Range.',
  access: 'key',
  request: { path, query },
  responses: {
    200: { description: 'The bytes, with the media type of the output.', types: ['*/*'] },
    206: { description: 'The range of bytes that Range requested.', types: ['*/*'] },
    302: {
      description: 'Location is a presigned URL of the bytes, with S3_PRESIGN_SECONDS.',
      types: ['text/plain'],
    },
  },
  errors: [400, 404, 409, 410, 416],
  handler:
    ({ services: { manager }, sender }) =>
    async (request, response) => {
      const { download } = parseParameters(query, parametersOf(request));
      const { id } = await ownJob(manager, request, response);
      const text = String(request.params['index']);
      const index = /^\d{1,6}$/.test(text) ? Number(text) : NO_OUTPUT;
      const found = await withStatusUrl(id, () => manager.outputs.storedOutput(id, index));
      await sender.output(request, response, found, { name: String(index), isDownload: download });
    },
};
