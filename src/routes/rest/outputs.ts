import { z } from 'zod';
import { parametersOf } from '../../middleware/upload.js';
import { parseParameters } from '../../schemas/parse.js';
import { booleanParameter } from '../../workflows/parameters.js';
import { type Endpoint, TAGS } from '../Endpoint.js';
import { jobPath, ownJob, withStatusUrl } from '../ownJob.js';

const path = jobPath.extend({
  index: z.string().meta({ description: 'Which of its outputs, from 0, as `outputs` lists them.' }),
});

const query = z.object({
  download: booleanParameter.describe('Tell browsers to save the file in place of showing it.'),
});

/** No job has as many outputs. */
const NO_OUTPUT = -1;

/** The bytes of one thing that a job made. */
export const outputEndpoint: Endpoint = {
  id: 'job_output',
  method: 'get',
  path: '/api/jobs/{id}/outputs/{index}',
  tag: TAGS.jobs,
  summary: 'One output of a completed job: its bytes, with an ETag; a part of them with Range.',
  access: 'key',
  request: { path, query },
  responses: {
    200: { description: 'The bytes, of whatever type the output is.', types: ['*/*'] },
    206: { description: 'The part of them that Range names.', types: ['*/*'] },
    302: {
      description: 'Location is where the bytes are, for some time: with S3_PRESIGN_SECONDS.',
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
      await sender.output(request, response, found, { index, isDownload: download });
    },
};
