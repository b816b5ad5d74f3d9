import type { Logger } from '../../utils/logger.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ConnectionManager } from './ConnectionManager.js';
import { type PromptResult, type PromptRun, type RunListener } from './PromptAttempt.js';
import type { FollowTimings } from './PromptFollower.js';
export interface PromptRunnerOptions {
    readonly timings: FollowTimings;
    /** Leave the prompt, with its image, in ComfyUI's history. */
    readonly keepHistory: boolean;
    /** How long stopping a prompt may hold up the caller, ms. */
    readonly stopTimeoutMs: number;
    /** How long the history entry of a stopped prompt is waited for, ms: nodes only stop at their next check. */
    readonly stopPatienceMs: number;
}
/** One prompt's way on one instance, from submission to image, and the tidying up behind it. */
export declare class PromptRunner {
    #private;
    constructor(connections: ConnectionManager, options: PromptRunnerOptions, logger: Logger);
    /**
     * Runs a prompt. The socket is open and listened to before the prompt is submitted, since events are not kept
     * (protocol trap 1). When `signal` is aborted the prompt is taken back from ComfyUI before this rejects.
     * @throws PromptError with its category, or the signal's reason
     */
    run(client: ComfyClient, run: PromptRun, listener: RunListener, signal: AbortSignal): Promise<PromptResult>;
    /** Lets the tidying up that is under way go on for at most `maxMs`, then gives it up. */
    stop(maxMs: number): Promise<void>;
}
