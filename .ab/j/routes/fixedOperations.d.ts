import { type Operation } from './operations.js';
/** Every operation that does not come from a workflow, but for the documents themselves. */
export declare const fixedOperations: readonly Operation[];
