import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiExampleObject,
  type ZodOpenApiMediaTypeObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiOverrideContext,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { examples } from '../schemas/examples.js';
import { schemaNames } from '../schemas/names.js';
import { version } from '../version.js';
import type { Workflow } from '../workflows/types.js';
import { type Endpoint, TAGS } from './Endpoint.js';
import { allEndpoints, fixedEndpoints } from './endpoints.js';
import { errorResponsesOf } from './openApiErrors.js';

// The library treats schemas with an `id` as components.
for (const [id, schema] of Object.entries(schemaNames)) {
  z.globalRegistry.add(schema, { ...schema.meta(), id });
}

const TAG_DESCRIPTIONS: Readonly<Record<Endpoint['tag'], string>> = {
  'Image Processing': 'Send a file, wait for the result. One endpoint for each workflow.',
  'Async Processing': 'Send a file, fetch the result later. One endpoint for each workflow.',
  'Job Management': 'Follow, list, cancel and delete jobs, and fetch their results.',
  'Health & Status': 'For load balancers, probes and operators.',
  'Detailed Metrics': 'For dashboards.',
  Instances: 'List, add, change and remove machines.',
  'Comfy API v2': 'For the official SDKs and other clients of the Comfy API.',
  'Circuit Breakers': 'Take machines out of service, and put them back.',
  Documents: 'The pages and this document.',
};

/** Recorded bodies for all responses with one of these schemas. The document contains each of them once. */
const SHARED_EXAMPLES: ReadonlyMap<z.ZodType | undefined, ZodOpenApiExampleObject> = new Map(
  Object.entries({
    AcceptedJob: 'process_remove-background_202',
    Workflow: 'workflow_200',
    ComfyJob: 'comfy_job_200',
    ComfyAsset: 'comfy_asset_200',
  }).map(([id, recorded]) => [schemaNames[id], { id, value: examples[recorded] }]),
);

type OpenApiDocument = ReturnType<typeof createDocument>;

/** Creates the OpenAPI 3.1 document of the REST API from the same declarations as the routes. */
export function createOpenApiDocument(workflows: readonly Workflow[]): OpenApiDocument {
  const endpoints = allEndpoints(workflows).filter(({ form }) => form === undefined);
  return documentOf(endpoints, {
    title: 'ComfyUI Express Middleware',
    description: 'Post an image, get the image back: a REST API in front of a fleet of ComfyUI machines.',
  });
}

/** Creates the document of the Comfy API v2, which has other clients and another format of errors. */
export function createComfyOpenApiDocument(): OpenApiDocument {
  const endpoints = fixedEndpoints.filter(({ form }) => form === 'comfy');
  return documentOf(endpoints, {
    title: 'Comfy API v2',
    description:
      'Run your own graphs on a fleet of ComfyUI machines, with the API of Comfy Cloud and its SDKs.',
  });
}

function documentOf(
  endpoints: readonly Endpoint[],
  info: { readonly title: string; readonly description: string },
): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const endpoint of endpoints) {
    const { path, method } = endpoint;
    paths[path] = { ...paths[path], [method]: operationOf(endpoint) };
  }
  const tags = Object.values(TAGS).filter((name) => endpoints.some(({ tag }) => tag === name));
  const document: Parameters<typeof createDocument>[0] = {
    openapi: '3.1.0',
    info: { ...info, version, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    tags: tags.map((name) => ({ name, description: TAG_DESCRIPTIONS[name] })),
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
      ...(schema ? { 'application/json': { schema, ...exampleOf(endpoint, status, schema) } } : {}),
      ...others,
    };
    responses[status as '200'] = { description, content };
  }
  const { general, byStatus } = errorResponsesOf(endpoint);
  // A path parameter may have an invalid encoding.
  const statuses = [...(endpoint.request?.path ? [400] : []), ...(endpoint.errors ?? [])];
  for (const status of statuses) {
    const response = byStatus.get(status);
    if (!response) throw new Error(`${endpoint.id} has an error of the status ${status}, which no code has`);
    responses[String(status) as '400'] = response;
  }
  // Linters want a response for errors of the client in every operation, and do not count the default as one.
  if (!statuses.some((status) => status < 500)) responses['4XX'] = general;
  return { ...responses, default: general };
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
 * Returns the recorded body of a response: one for each schema of an endpoint. A workflow without one uses that of a built-in
 * workflow, with its own title.
 */
function exampleOf(
  { id, workflow, responses }: Endpoint,
  status: string,
  schema: z.ZodType,
): Pick<ZodOpenApiMediaTypeObject, 'example' | 'examples'> {
  // A job that was just submitted looks different, and each workflow has a title.
  const shared = /^(comfy_)?submit_/.test(id) ? undefined : SHARED_EXAMPLES.get(schema);
  if (shared) return { examples: { [String(shared.id)]: shared } };
  const [first] = Object.entries(responses).find(([, response]) => response.schema === schema) ?? [];
  if (status !== first) return {};
  const recorded = examples[`${id}_${status}`];
  if (recorded !== undefined) return { example: recorded };
  if (!workflow) return {};
  const alike = examples[`${id.slice(0, -workflow.type.length)}remove-background_${status}`];
  const message = `${workflow.title}: ${status === '200' ? 'done' : 'job accepted'}.`;
  return { example: { ...(alike as object), message } };
}
