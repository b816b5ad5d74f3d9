import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverrideContext,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponseObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { ERROR_STATUS, isErrorCode } from '../errors.js';
import { comfyError } from '../schemas/comfy.js';
import { errorAnswer } from '../schemas/common.js';
import { examples } from '../schemas/examples.js';
import { schemaNames } from '../schemas/names.js';
import { version } from '../version.js';
import type { Workflow } from '../workflows/types.js';
import { type Endpoint, TAGS } from './Endpoint.js';
import { allEndpoints } from './endpoints.js';
import { comfyCodeOf, comfyStatusOf } from './v2/comfyErrors.js';

// The library treats schemas with an `id` as components.
for (const [id, schema] of Object.entries(schemaNames)) {
  z.globalRegistry.add(schema, { ...schema.meta(), id });
}

const TAG_DESCRIPTIONS: Readonly<Record<Endpoint['tag'], string>> = {
  'Image Processing': 'Send a file, wait for the result. One endpoint for each workflow.',
  'Async Processing': 'Send a file, fetch the result later. One endpoint for each workflow.',
  'Job Management': 'Follow, list, cancel and delete jobs, and fetch their results.',
  'Health & Status': 'For load balancers, probes and people on call.',
  'Detailed Metrics': 'For dashboards.',
  Instances: 'The machines: look at, add, change and remove them.',
  'Comfy API v2': 'For the official SDKs and whatever else speaks the Comfy API.',
  'Circuit Breakers': 'Take machines out of service, and back into it.',
  Documents: 'The page and this document.',
};

/** Response of each error status. All endpoints share it, so the document contains it once. */
const ERROR_RESPONSES: ReadonlyMap<number, ZodOpenApiResponseObject> = new Map(
  [...new Set<number>(Object.values(ERROR_STATUS))].map((status) => [status, errorResponse(status)]),
);

/** The same in the format of the Comfy API. */
const COMFY_ERROR_RESPONSES: ReadonlyMap<number, ZodOpenApiResponseObject> = new Map(
  [...ERROR_RESPONSES.keys()].map((status) => [status, comfyErrorResponse(status)]),
);

type OpenApiDocument = ReturnType<typeof createDocument>;

/**
 * Creates the OpenAPI 3.1 document from the same declarations as the routes.
 * @param isOffered whether the server has an endpoint
 */
export function createOpenApiDocument(
  workflows: readonly Workflow[],
  isOffered: (endpoint: Endpoint) => boolean = () => true,
): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const endpoint of allEndpoints(workflows).filter(isOffered)) {
    const { path, method } = endpoint;
    paths[path] = { ...paths[path], [method]: operationOf(endpoint) };
  }
  const document: Parameters<typeof createDocument>[0] = {
    openapi: '3.1.0',
    info: {
      title: 'ComfyUI Express Middleware',
      version,
      description: 'Post an image, get the image back: a REST API in front of a fleet of ComfyUI machines.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.values(TAGS).map((name) => ({ name, description: TAG_DESCRIPTIONS[name] })),
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
    // Without configured keys, no authentication is needed.
    security: [{}, { bearer: [] }, { apiKey: [] }],
  };
  return withoutRepeatedDescriptions(createDocument(document, { override: simplify }));
}

/** Removes the description of a parameter's schema, because the library writes it in the parameter too. */
function withoutRepeatedDescriptions(document: OpenApiDocument): OpenApiDocument {
  const operations = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path));
  for (const { parameters = [] } of operations as {
    parameters?: { schema?: { description?: string } }[];
  }[]) {
    for (const { schema } of parameters) if (schema) delete schema.description;
  }
  return document;
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
  // A path parameter may have an invalid encoding.
  const ofPath = endpoint.request?.path ? [400] : [];
  for (const status of [...ofPath, ...(endpoint.errors ?? []), 500, ...accessErrors(endpoint)]) {
    const response = (endpoint.form === 'comfy' ? COMFY_ERROR_RESPONSES : ERROR_RESPONSES).get(status);
    if (!response) throw new Error(`${endpoint.id} has an error of the status ${status}, which no code has`);
    responses[String(status) as '400'] = response;
  }
  return responses;
}

function errorResponse(status: number): ZodOpenApiResponseObject {
  const codes = Object.entries(ERROR_STATUS).filter(([, of]) => of === status);
  return {
    id: String(STATUS_CODES[status]).replace(/\W/g, ''),
    description: `${codes.map(([code]) => code).join(', ')}.`,
    content: json(errorAnswer, examples[`error_${status}`]),
  };
}

function comfyErrorResponse(status: number): ZodOpenApiResponseObject {
  const codes = Object.keys(ERROR_STATUS).filter(
    (code) => isErrorCode(code) && comfyStatusOf(code) === status,
  );
  const names = new Set(codes.map((code) => (isErrorCode(code) ? comfyCodeOf(code) : code)));
  return {
    id: `Comfy${String(STATUS_CODES[status]).replace(/\W/g, '')}`,
    description: `${[...names].join(', ')}.`,
    content: json(comfyError, examples[`comfy_error_${status}`]),
  };
}

/**
 * Removes what zod adds to every time, id and integer without use for a reader, and the statement that a response has
 * no other fields: a later version may add some.
 */
function simplify({ jsonSchema }: ZodOpenApiOverrideContext): void {
  if (jsonSchema.format === 'date-time' || jsonSchema.format === 'uuid') delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  delete jsonSchema.propertyNames;
}

/**
 * Returns the errors caused by origins, keys and limits. Every endpoint can respond with 403, even without keys: to a
 * change that a page of another origin requests, and on loopback to an unknown host name.
 */
function accessErrors({ access, tag }: Endpoint): number[] {
  if (tag === TAGS.documents) return [403, 414, 429];
  return access === 'open' ? [403, 414] : [401, 403, 414, 429];
}

/** Returns a recorded response. A workflow without one uses that of a built-in workflow, with its own title. */
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
