import { type Operation } from './operations.js';
/** An answer that goes on. */
export declare const eventStream: {
    types: string[];
    description: string;
};
/** What can be done with jobs, one by one and all together. */
export declare const jobOperations: Operation[];
