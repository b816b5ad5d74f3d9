import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { Config } from '../config/index.js';
import type { Services } from '../services/index.js';
import type { Workflow } from '../workflows/types.js';
import type { ResultSender } from './sendResult.js';

/** Groups of endpoints in the documents. */
export const TAGS = {
  processing: 'Image Processing',
  asynchronous: 'Async Processing',
  jobs: 'Job Management',
  health: 'Health & Status',
  metrics: 'Detailed Metrics',
  breakers: 'Circuit Breakers',
  instances: 'Instances',
  comfy: 'Comfy API v2',
  documents: 'Documents',
} as const;

/** Who may use an endpoint if keys are configured: everyone, any key, or only keys of the scope admin. */
type Access = 'open' | 'key' | 'admin';

/** The response with one status. */
interface EndpointResponse {
  readonly description: string;
  /** Schema of a JSON body. */
  readonly schema?: z.ZodType;
  /** Media types of a body that is not JSON. */
  readonly types?: readonly string[];
}

/** Returns the current OpenAPI documents. */
export interface OpenApiDocuments {
  /** For the REST API, with the current workflows. */
  readonly rest: () => Promise<object>;
  readonly comfy: () => Promise<object>;
}

/** Shared by the handlers of all endpoints. */
export interface RouteContext {
  readonly services: Services;
  readonly config: Config;
  readonly sender: ResultSender;
  readonly openApi: OpenApiDocuments;
}

/** Declaration of an endpoint, used by routing, OpenAPI, API reference, Postman collection and tests. */
export interface Endpoint {
  /** Name of the operation in the documents and of its examples. */
  readonly id: string;
  readonly method: 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` for each parameter of `request.path`. */
  readonly path: string;
  readonly tag: (typeof TAGS)[keyof typeof TAGS];
  /** Format of its errors. Default: this server's own. */
  readonly form?: 'comfy';
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
  /** By status; without errors. */
  readonly responses: Readonly<Record<number, EndpointResponse>>;
  /** Error statuses besides those of paths, and those that any request can get (`GENERAL_ERROR_STATUSES`). */
  readonly errors?: readonly number[];
  /** Creates the request handler, once for each server. */
  readonly handler: (context: RouteContext) => RequestHandler | readonly RequestHandler[];
}
