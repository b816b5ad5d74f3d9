import type { PromptGraph } from '../../workflows/types.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ConnectionLease } from './ConnectionManager.js';
import { type FollowTimings, PromptFollower } from './PromptFollower.js';
import { type PromptProgress } from './promptTracker.js';
export interface PromptRun {
    readonly graph: PromptGraph;
    /** Node whose image is the result. */
    readonly outputNode: string;
    /** Id under which the prompt is submitted. */
    readonly promptId: string;
}
export interface RunListener {
    /** ComfyUI took the prompt, under this id. */
    onSubmitted(promptId: string): void;
    onProgress(progress: PromptProgress): void;
}
export interface PromptResult {
    readonly promptId: string;
    /** The file as ComfyUI wrote it, a PNG. */
    readonly image: Buffer;
}
/** One submission of a prompt to one instance, with what it holds while it lasts. */
export declare class PromptAttempt {
    #private;
    readonly client: ComfyClient;
    readonly follower: PromptFollower;
    promptId: string;
    wasSubmitted: boolean;
    /** ComfyUI itself ended the prompt, well or not. */
    hasEnded: boolean;
    /** Settles when ComfyUI answered the submission; never rejects. */
    submission: Promise<unknown>;
    constructor(client: ComfyClient, run: PromptRun, listener: RunListener, lease: ConnectionLease | undefined, timings: FollowTimings);
    result(signal: AbortSignal): Promise<PromptResult>;
    release(): void;
}
