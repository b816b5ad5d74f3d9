import { z } from 'zod';
import type { Workflow } from '../workflows/types.js';
/** One thing that a client can do, as documents describe it. */
export interface Operation {
    /** Name of the operation, and of its example. */
    readonly id: string;
    readonly method: 'get' | 'post' | 'delete';
    /** With `{name}` for parameters. */
    readonly path: string;
    readonly tag: string;
    readonly summary: string;
    /** Parameters in the path, with what they are. */
    readonly pathParameters?: Readonly<Record<string, string>>;
    readonly query?: z.ZodObject;
    readonly form?: z.ZodObject;
    /** Headers that change what is done. */
    readonly headers?: z.ZodObject;
    /** JSON answers that are no errors, by status. */
    readonly answers: Readonly<Record<number, {
        readonly description: string;
        readonly schema: z.ZodType;
    }>>;
    /** Whether a 200 may be an image, and whether it always is; or text for Prometheus, or a page. */
    readonly other?: {
        readonly types: readonly string[];
        readonly description: string;
    };
    /** Who may do it where there are keys: anybody, any key (when it is left out), or one of the scope admin. */
    readonly access?: 'open' | 'admin';
    /** Statuses that are answered with an error, beside those that come of keys and limits. */
    readonly errors: readonly number[];
}
/** Folders of the operations. */
export declare const TAGS: {
    readonly processing: "Image Processing";
    readonly asynchronous: "Async Processing";
    readonly jobs: "Job Management";
    readonly health: "Health & Status";
    readonly metrics: "Detailed Metrics";
    readonly breakers: "Circuit Breakers";
    readonly documents: "Documents";
};
export declare const IMAGE_TYPES: readonly ["image/png", "image/jpeg", "image/webp"];
/** Both routes of each workflow. */
export declare function processingOperations(workflows: readonly Workflow[]): Operation[];
