import type { IncomingMessage } from 'node:http';
import type { Answer } from './answers.js';
import type { Executor } from './Executor.js';
import type { FileStore } from './FileStore.js';
import type { Faults } from './faults.js';
export interface Call {
    readonly method: string;
    /** Without a leading `/api`. */
    readonly path: string;
    readonly query: URLSearchParams;
    readonly body: Buffer;
}
interface HttpWorld {
    executor(): Executor;
    readonly files: () => FileStore;
    readonly faults: Faults;
    readonly acceptsPromptId: boolean;
    nextNumber(): number;
    onPrompt(id: string): void;
}
/** ComfyUI's routes, each also under `/api`. */
export declare class SimulatedApi {
    #private;
    constructor(world: HttpWorld);
    /** Answers one call. */
    answer(call: Call): Answer;
}
/** Reads a request whole, or nothing when it is larger than ComfyUI takes. */
export declare function readCall(request: IncomingMessage): Promise<Call | undefined>;
/** JSON, or undefined. */
export declare function parseJson(body: Buffer): unknown;
export {};
