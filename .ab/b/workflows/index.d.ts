import type { Workflow } from './types.js';
/** Every workflow that the server offers: a file each, and a line here. */
export declare const workflows: readonly Workflow[];
