import type { z } from 'zod';
import { comfyHealth } from '../../schemas/comfy.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** Whether the server supports this API. */
export const comfyHealthEndpoint: Endpoint = {
  id: 'comfy_health',
  method: 'get',
  path: '/api/v2/health',
  tag: TAGS.comfy,
  form: 'comfy',
  summary: 'Whether the server responds. Sends no request to a machine.',
  access: 'open',
  responses: { 200: { description: 'The server responds.', schema: comfyHealth } },
  handler: () => (_request, response) => {
    const body: z.input<typeof comfyHealth> = { status: 'healthy' };
    response.json(body);
  },
};
