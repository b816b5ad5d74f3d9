import { createDocument } from 'zod-openapi';
import type { Workflow } from '../workflows/types.js';
import { type Operation } from './operations.js';
type OpenApiDocument = ReturnType<typeof createDocument>;
/** Every operation of the server. */
export declare function allOperations(workflows: readonly Workflow[]): Operation[];
/** The OpenAPI 3.1 document, made from the schemas that the routes and the tests use. */
export declare function createOpenApiDocument(workflows: readonly Workflow[]): OpenApiDocument;
export {};
