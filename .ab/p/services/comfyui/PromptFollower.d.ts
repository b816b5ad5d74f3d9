import type { ComfyClient } from './ComfyClient.js';
import type { ComfySocket, PromptListener } from './ComfySocket.js';
import { type PromptOutcome, type PromptProgress, type PromptTracker } from './promptTracker.js';
import type { PromptMessage } from './protocol.js';
/** How patiently a prompt is followed; milliseconds. */
export interface FollowTimings {
    /** Silence about a prompt, on an open socket, after which the history is asked. */
    readonly quietPollMs: number;
    /** Between two polls of a prompt that has no socket. */
    readonly lostPollMs: number;
    /** Between two looks at the queue, which carries every queued image. */
    readonly queueCheckMs: number;
    /** First wait for a history entry that is not there yet after the run's end; doubled each time. */
    readonly historyRetryMs: number;
    /** How long such an entry may take. */
    readonly historyPatienceMs: number;
}
interface Following {
    readonly client: ComfyClient;
    readonly tracker: PromptTracker;
    readonly outputNode: string;
    readonly socket: ComfySocket | undefined;
    readonly timings: FollowTimings;
    onProgress(progress: PromptProgress): void;
}
/**
 * Follows one prompt to its end: by its messages while there are any, by a slow poll whenever they stay away. No
 * end depends on a message, so a socket that is cut, deaf or mute delays a prompt and never loses it.
 */
export declare class PromptFollower implements PromptListener {
    #private;
    constructor(following: Following);
    onMessage(message: PromptMessage): void;
    onDisconnect(): void;
    /** Takes it that messages were missed: polls at once, and looks at the queue too. */
    suspectMissedMessages(): void;
    /**
     * Resolves with the prompt's end; a prompt that the server lost ends as a retryable failure.
     * @throws PromptError (retryable) when the server does not answer any more
     * @throws the signal's reason when it is aborted
     */
    end(promptId: string, signal: AbortSignal): Promise<PromptOutcome>;
    /**
     * Waits until the history entry of a prompt that ended must exist, so that it can be deleted for good:
     * `executing {node: null}` comes after it, `execution_success` before it (protocol trap 2).
     */
    leftQueue(maxMs: number, signal: AbortSignal): Promise<void>;
}
export {};
