import type { NodeClass } from './nodes.js';
import { type Graph } from './prompt.js';
interface InputError {
    readonly type: string;
    readonly message: string;
    readonly details: string;
    readonly extra_info: Record<string, unknown>;
}
interface Refusal {
    readonly error: InputError;
    readonly node_errors: Record<string, unknown>;
}
/** Checks a prompt like ComfyUI before it queues it. */
export declare function validatePrompt(graph: Graph, classes: Readonly<Record<string, NodeClass>>): {
    outputs: string[];
} | {
    refusal: Refusal;
};
/** The refusal of a request that carries no prompt at all. */
export declare const noPrompt: Refusal;
export {};
