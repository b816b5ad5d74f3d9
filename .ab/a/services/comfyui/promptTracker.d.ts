import { PromptError } from '../../errors.js';
import type { PromptGraph } from '../../workflows/types.js';
import { type HistoryEntry, type ImageFile, type PromptMessage } from './protocol.js';
/** How far a prompt is. */
export interface PromptProgress {
    /** 0..99 while it runs; never falls. */
    readonly percentage: number;
    /** The node at work. */
    readonly node?: {
        readonly id: string;
        readonly classType: string;
    } | undefined;
}
/** How a prompt ended: with images of its output node, or with an error. */
export type PromptOutcome = {
    readonly kind: 'succeeded';
    readonly images: readonly ImageFile[];
} | {
    readonly kind: 'failed';
    readonly error: PromptError;
}
/** The instance does not know the prompt any more. */
 | {
    readonly kind: 'lost';
    readonly error: PromptError;
}
/** It is over, but what came of it must be read from the history. */
 | {
    readonly kind: 'ask-history';
};
/**
 * Reads the messages of one prompt: no I/O, no time. `outcome` is set once, by the first message that ends the
 * run, in its newer form (`execution_success`) or its older one (`executing` with no node).
 */
export declare class PromptTracker {
    #private;
    outcome: PromptOutcome | undefined;
    /** `executing {node: null}` was seen: from then on the history entry exists (protocol trap 2). */
    hasLeftQueue: boolean;
    constructor(graph: PromptGraph, outputNode: string);
    get progress(): PromptProgress;
    /** Takes one message of this prompt. */
    accept(message: PromptMessage): void;
}
/** What a history entry says of its prompt. */
export declare function outcomeOfHistory(entry: HistoryEntry, outputNode: string): PromptOutcome;
