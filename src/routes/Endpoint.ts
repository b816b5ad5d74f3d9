import type { RequestHandler } from 'express';
import type { z } from 'zod';
import type { Config } from '../config/index.js';
import type { Services } from '../services/index.js';
import type { Workflow } from '../workflows/types.js';
import type { ResultSender } from './sendResult.js';

/** Folders of the endpoints in the documents. */
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

/** Who may use an endpoint where there are keys: anybody, whoever has a key, or only keys of the scope admin. */
type Access = 'open' | 'key' | 'admin';

/** What comes back with one status. */
interface EndpointResponse {
  readonly description: string;
  /** Of a JSON body. */
  readonly schema?: z.ZodType;
  /** Media types of a body that is not JSON. */
  readonly types?: readonly string[];
}

/** The OpenAPI documents, as they are now. */
export interface OpenApiDocuments {
  /** Of the REST API, with the workflows that there are. */
  readonly rest: () => Promise<object>;
  readonly comfy: () => Promise<object>;
}

/** What the handlers of all endpoints share. */
export interface RouteContext {
  readonly services: Services;
  readonly config: Config;
  readonly sender: ResultSender;
  readonly openApi: OpenApiDocuments;
}

/** One thing that a client can do. Routing, OpenAPI, API reference, Postman collection and tests read it. */
export interface Endpoint {
  /** Name of the operation in the documents, and of its examples. */
  readonly id: string;
  readonly method: 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` for each parameter of `request.path`. */
  readonly path: string;
  readonly tag: (typeof TAGS)[keyof typeof TAGS];
  /** The API that it belongs to, with its document and form of errors; left out: this server's own. */
  readonly form?: 'comfy';
  readonly summary: string;
  readonly access: Access;
  readonly request?: {
    readonly path?: z.ZodObject;
    readonly query?: z.ZodObject;
    /** Headers that change what is done. */
    readonly headers?: z.ZodObject;
    /** By media type. */
    readonly body?: Readonly<Record<string, z.ZodType>>;
  };
  /** Whose jobs it submits. */
  readonly workflow?: Workflow;
  /** By status; those that are no errors. */
  readonly responses: Readonly<Record<number, EndpointResponse>>;
  /** Statuses of its own errors, beside those that any request can get. */
  readonly errors?: readonly number[];
  /** Makes what answers a request, once for each server. */
  readonly handler: (context: RouteContext) => RequestHandler | readonly RequestHandler[];
}
