import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { Config } from '../config/index.js';
import type { Services } from '../services/index.js';
import type { Workflow } from '../workflows/types.js';
import type { ResultSender } from './sendResult.js';

/** Sections of the endpoints in the documents. */
export const TAGS = {
  processing: 'Image Processing',
  asynchronous: 'Async Processing',
  jobs: 'Job Management',
  health: 'Health & Status',
  metrics: 'Detailed Metrics',
  breakers: 'Circuit Breakers',
  documents: 'Documents',
} as const;

/** Who may use an endpoint if keys are configured: anyone, any key, or keys of the scope admin only. */
type Access = 'open' | 'key' | 'admin';

/** The response with one status. */
interface EndpointResponse {
  readonly description: string;
  /** Schema of a JSON body. */
  readonly schema?: z.ZodType;
  /** Media types of a body that is not JSON. */
  readonly types?: readonly string[];
}

/** What all handlers share. */
export interface RouteContext {
  readonly services: Services;
  readonly config: Config;
  readonly sender: ResultSender;
  /** The OpenAPI document of the current workflows. */
  readonly openApi: () => Promise<object>;
}

/**
 * The declaration of an endpoint. Routing, OpenAPI, API reference, Postman collection and tests are derived from it.
 */
export interface Endpoint {
  /** Name of the operation in the documents, and of its examples. */
  readonly id: string;
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** With `{name}` for each parameter in `request.path`. */
  readonly path: string;
  readonly tag: (typeof TAGS)[keyof typeof TAGS];
  readonly summary: string;
  readonly access: Access;
  readonly request?: {
    readonly path?: z.ZodObject;
    readonly query?: z.ZodObject;
    /** Headers that have an effect. */
    readonly headers?: z.ZodObject;
    /** By media type. */
    readonly body?: Readonly<Record<string, z.ZodType>>;
  };
  /** The workflow whose jobs it submits. */
  readonly workflow?: Workflow;
  /** Successful responses by status. */
  readonly responses: Readonly<Record<number, EndpointResponse>>;
  /** Error statuses, besides 500 and those caused by paths, keys, origins and limits. */
  readonly errors?: readonly number[];
  /** Creates the request handler, once per server. */
  readonly handler: (context: RouteContext) => RequestHandler | readonly RequestHandler[];
}
