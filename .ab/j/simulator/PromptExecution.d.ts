import type { FileStore } from './FileStore.js';
import { type Faults } from './faults.js';
import { type NodeClass } from './nodes.js';
import { type Moment, type Prompt } from './prompt.js';
import type { Message } from './sockets.js';
/** What a node left behind; kept from one prompt to the next, by the node's signature. */
export interface NodeResult {
    readonly values: readonly unknown[];
    readonly ui?: unknown;
}
interface ExecutionWorld {
    readonly classes: Readonly<Record<string, NodeClass>>;
    readonly files: FileStore;
    readonly faults: Faults;
    readonly workMs: Readonly<Record<string, number>>;
    readonly isOlder: boolean;
    /** Results of the prompt before, by signature. */
    readonly cache: ReadonlyMap<string, NodeResult>;
    /** Aborted when the simulated process dies. */
    readonly dead: AbortSignal;
    send(message: Message): void;
    onMoment(moment: Moment): void;
}
/** How a run ended, as the history keeps it. */
export interface ExecutionEnd {
    readonly status: 'success' | 'error';
    readonly messages: readonly Message[];
    readonly outputs: Record<string, unknown>;
}
/** Nodes that put a model on the GPU. */
export declare const MODEL_NODES: ReadonlySet<string>;
/** The run of one prompt: its nodes in order, and the messages in the order in which ComfyUI sends them. */
export declare class PromptExecution {
    #private;
    /** Node at work, for a socket that connects meanwhile. */
    currentNode: string | undefined;
    /** Checked before and after every step, as ComfyUI does. */
    interrupted: boolean;
    /** Results of this run, the cache of the next one. */
    readonly results: Map<string, NodeResult>;
    constructor(prompt: Prompt, world: ExecutionWorld);
    run(): Promise<ExecutionEnd>;
}
export {};
