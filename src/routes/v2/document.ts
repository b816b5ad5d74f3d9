import { openApiDocument } from '../../schemas/common.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** `GET /api/v2/openapi.json`. */
export const comfyDocumentEndpoint: Endpoint = {
  id: 'comfy_openapi',
  method: 'get',
  path: '/api/v2/openapi.json',
  tag: TAGS.comfy,
  form: 'comfy',
  summary: 'The OpenAPI document of the Comfy API v2.',
  access: 'open',
  responses: { 200: { description: 'OpenAPI 3.1.', schema: openApiDocument } },
  handler:
    ({ openApi }) =>
    async (_request, response) => {
      response.json(await openApi.comfy());
    },
};
