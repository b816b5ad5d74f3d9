import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';
import { ERROR_STATUS } from '../errors.js';
import { errorAnswer } from '../schemas/common.js';
import { examples } from '../schemas/examples.js';
import type { Workflow } from '../workflows/types.js';
import { fixedOperations } from './fixedOperations.js';
import { type Operation, processingOperations, TAGS } from './operations.js';

type OpenApiDocument = ReturnType<typeof createDocument>;

const documentOperations: readonly Operation[] = [
  {
    id: 'dashboard',
    method: 'get',
    path: '/',
    tag: TAGS.documents,
    summary: 'A page to process images, and to see what the server and its machines do.',
    answers: {},
    other: { types: ['text/html'], description: 'The page.' },
    access: 'open',
    errors: [500],
  },
  {
    id: 'openapi',
    method: 'get',
    path: '/openapi.json',
    tag: TAGS.documents,
    summary: 'This document.',
    answers: { 200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string() }) } },
    access: 'open',
    errors: [500],
  },
  {
    id: 'docs',
    method: 'get',
    path: '/docs',
    tag: TAGS.documents,
    summary: 'A page to read and try the API.',
    answers: {},
    other: { types: ['text/html'], description: 'The page.' },
    access: 'open',
    errors: [500],
  },
];

/** Every operation of the server. */
export function allOperations(workflows: readonly Workflow[]): Operation[] {
  return [...processingOperations(workflows), ...fixedOperations, ...documentOperations];
}

/** The OpenAPI 3.1 document, made from the schemas that the routes and the tests use. */
export function createOpenApiDocument(workflows: readonly Workflow[]): OpenApiDocument {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const operation of allOperations(workflows)) {
    const { path, method } = operation;
    paths[path] = { ...paths[path], [method]: describe(operation) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'ComfyUI Express Middleware',
      version: '0.1.0',
      description: 'Post an image, get the image back: a REST API in front of a fleet of ComfyUI machines.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.values(TAGS).map((name) => ({ name })),
    paths: paths as ZodOpenApiPathsObject,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API key, where the server has keys.' },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'The same in a header of its own.',
        },
      },
    },
    // Where no keys are configured nothing is needed.
    security: [{}, { bearer: [] }, { apiKey: [] }],
  });
}

function describe(operation: Operation): ZodOpenApiOperationObject {
  const { id, tag, summary, pathParameters = {}, query, form, headers, access } = operation;
  const path = z.object(
    Object.fromEntries(
      Object.entries(pathParameters).map(([name, description]) => [name, z.string().meta({ description })]),
    ),
  );
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(access === 'open' ? { security: [] } : {}),
    requestParams: {
      ...(query ? { query } : {}),
      ...(operation.pathParameters ? { path } : {}),
      ...(headers ? { header: headers } : {}),
    },
    ...(form
      ? { requestBody: { required: true, content: { 'multipart/form-data': { schema: form } } } }
      : {}),
    responses: responsesOf(operation),
  };
}

function responsesOf(operation: Operation): ZodOpenApiResponsesObject {
  const responses: Record<string, { description: string; content: Record<string, object> }> = {};
  const add = (status: number, description: string, content: Record<string, object>) => {
    const before = responses[status];
    responses[status] = before
      ? { description: `${before.description} ${description}`, content: { ...before.content, ...content } }
      : { description, content };
  };
  for (const [status, { description, schema }] of Object.entries(operation.answers)) {
    add(Number(status), description, json(schema, `${operation.id}_${status}`));
  }
  if (operation.other) {
    const { types, description } = operation.other;
    add(200, description, Object.fromEntries(types.map((type) => [type, { schema: z.string() }])));
  }
  // A parameter in a path may be no valid encoding.
  const errors = new Set([
    ...(operation.pathParameters ? [400] : []),
    ...operation.errors,
    ...accessErrors(operation),
  ]);
  for (const status of errors) {
    const codes = Object.entries(ERROR_STATUS).filter(([, of]) => of === status);
    add(status, `${codes.map(([code]) => code).join(', ')}.`, json(errorAnswer, `error_${status}`));
  }
  return responses as ZodOpenApiResponsesObject;
}

/**
 * What origins, keys and limits make of a request. Everything may be a 403, also where there are no keys: for a change
 * that a page of another origin asks for, and on loopback for a host name that the server does not know.
 */
function accessErrors({ access, tag }: Operation): number[] {
  if (tag === TAGS.documents) return [403, 414, 429];
  return access === 'open' ? [403, 414] : [401, 403, 414, 429];
}

/** A JSON body, with its example where there is one. */
function json(schema: z.ZodType, exampleName: string): Record<string, object> {
  const example = examples[exampleName];
  return { 'application/json': { schema, ...(example === undefined ? {} : { example }) } };
}
