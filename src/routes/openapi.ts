import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { ERROR_STATUS } from '../errors.js';
import { errorAnswer } from '../schemas/common.js';
import { examples } from '../schemas/examples.js';
import { schemaNames } from '../schemas/names.js';
import type { Workflow } from '../workflows/types.js';
import { type Endpoint, TAGS } from './Endpoint.js';
import { allEndpoints } from './endpoints.js';

// By a schema's `id` the library knows that it is a component.
for (const [id, schema] of Object.entries(schemaNames)) z.globalRegistry.add(schema, { id });

type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI 3.1 document, made from the declarations that the routes are made from. */
export function createOpenApiDocument(workflows: readonly Workflow[]): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const endpoint of allEndpoints(workflows)) {
    const { path, method } = endpoint;
    paths[path] = { ...paths[path], [method]: operationOf(endpoint) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'ComfyUI Express Middleware',
      version: '0.1.0',
      description: 'A REST API in front of a fleet of ComfyUI machines: post an image, get the result back.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.values(TAGS).map((name) => ({ name })),
    paths: paths as ZodOpenApiPathsObject,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, if the server has keys.' },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'The same key in a separate header.',
        },
      },
    },
    // Where no keys are configured nothing is needed.
    security: [{}, { bearer: [] }, { apiKey: [] }],
  });
}

function operationOf(endpoint: Endpoint): ZodOpenApiOperationObject {
  const { id, tag, summary, access, request = {} } = endpoint;
  const { query, path, headers: header, body } = request;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(access === 'open' ? { security: [] } : {}),
    requestParams: { ...(query ? { query } : {}), ...(path ? { path } : {}), ...(header ? { header } : {}) },
    ...(body ? { requestBody: { required: true, content: contentOf(body) } } : {}),
    responses: responsesOf(endpoint),
  };
}

function contentOf(schemas: Readonly<Record<string, z.ZodType>>): Record<string, { schema: z.ZodType }> {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}

function responsesOf(endpoint: Endpoint): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, { description, schema, types = [] }] of Object.entries(endpoint.responses)) {
    const others = contentOf(Object.fromEntries(types.map((type) => [type, z.string()])));
    const content = {
      ...(schema ? json(schema, exampleOf(endpoint, status)) : {}),
      ...others,
    };
    responses[status as '200'] = { description, content };
  }
  // A parameter in a path may be no valid encoding.
  const ofPath = endpoint.request?.path ? [400] : [];
  for (const status of [...ofPath, ...(endpoint.errors ?? []), 500, ...accessErrors(endpoint)]) {
    const codes = Object.entries(ERROR_STATUS).filter(([, of]) => of === status);
    responses[String(status) as '400'] = {
      description: `${codes.map(([code]) => code).join(', ')}.`,
      content: json(errorAnswer, examples[`error_${status}`]),
    };
  }
  return responses;
}

/**
 * What origins, keys and limits make of a request. Everything may be a 403, also where there are no keys: for a change
 * that a page of another origin asks for, and on loopback for a host name that the server does not know.
 */
function accessErrors({ access, tag }: Endpoint): number[] {
  if (tag === TAGS.documents) return [403, 414, 429];
  return access === 'open' ? [403, 414] : [401, 403, 414, 429];
}

/** A recorded response. A workflow that has none shows one of a built-in workflow, under its own title. */
function exampleOf({ id, workflow }: Endpoint, status: string): unknown {
  const recorded = examples[`${id}_${status}`];
  if (recorded !== undefined || !workflow) return recorded;
  const alike = examples[`${id.slice(0, -workflow.type.length)}remove-background_${status}`];
  return {
    ...(alike as object),
    message: `${workflow.title}: ${status === '200' ? 'done' : 'job accepted'}.`,
  };
}

function json(schema: z.ZodType, example: unknown): Record<string, ZodOpenApiMediaTypeObject> {
  return { 'application/json': { schema, ...(example === undefined ? {} : { example }) } };
}
