import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Turns } from '../../utils/turns.js';
import type { PromptGraph } from '../../workflows/types.js';
import { type HistoryEntry, type ImageFile, type NodeInfo } from './protocol.js';
export interface ComfyClientOptions {
    /** Sent with every request, such as an authorization; never logged. */
    readonly headers: Readonly<Record<string, string>>;
    /** Milliseconds for small requests (checks, interrupt), and that a larger one may stand still. */
    readonly controlTimeoutMs: number;
    /** Milliseconds for the whole of a request that carries an image. */
    readonly transferTimeoutMs: number;
    /** Bytes taken from one `GET /view`. */
    readonly maxResultBytes: number;
}
/** Ids of the prompts that an instance has not finished. */
interface QueuedPrompts {
    readonly running: readonly string[];
    readonly pending: readonly string[];
}
/**
 * One instance's HTTP API. Every method rejects with a `PromptError` (category and whether to retry) or, when
 * its `signal` is aborted, with that signal's reason.
 */
export declare class ComfyClient {
    #private;
    readonly address: InstanceAddress;
    constructor(address: InstanceAddress, options: ComfyClientOptions, turns: Turns);
    /** `GET /system_stats`: answers when the instance is alive. */
    systemStats(signal?: AbortSignal): Promise<{
        version: string | undefined;
    }>;
    /** `GET /object_info/{class}`; undefined when the instance does not have that node class. */
    nodeInfo(className: string, signal?: AbortSignal): Promise<NodeInfo | undefined>;
    /**
     * `POST /prompt`.
     * @returns the id that ComfyUI gave the prompt: older servers do not take the one that was asked for
     * @throws PromptError `workflow_validation` with ComfyUI's own message when it refuses the prompt
     */
    submit(prompt: {
        graph: PromptGraph;
        clientId: string;
        promptId: string;
    }, signal?: AbortSignal): Promise<{
        promptId: string;
    }>;
    /** `GET /history/{id}`; undefined while the prompt is unknown or not finished. */
    historyEntry(promptId: string, signal?: AbortSignal): Promise<HistoryEntry | undefined>;
    /**
     * `GET /queue`, reduced to ids. The answer carries every queued image: not for frequent use, and one answer serves
     * all who would take it.
     * @param since `performance.now()` of the oldest look that will do
     */
    queue(signal: AbortSignal, since?: number): Promise<QueuedPrompts>;
    /**
     * `GET /view`: the bytes of an output file.
     * @throws PromptError `result_missing` when the file is not there or larger than is taken
     */
    view(file: ImageFile, signal?: AbortSignal): Promise<Buffer>;
    /** Forgets finished prompts, with the images that they carry. */
    deleteHistory(promptIds: readonly string[], signal?: AbortSignal): Promise<void>;
    /** Takes a pending prompt out of the queue; leaves a running one alone. */
    deletePending(promptId: string, signal?: AbortSignal): Promise<void>;
    /**
     * Stops a prompt at its node's next check. An older ComfyUI ignores the id and stops whatever is running, so
     * ask `queue` first who that is.
     */
    interrupt(promptId: string, signal?: AbortSignal): Promise<void>;
    /**
     * `POST /free`: drops the models and what is cached of earlier runs from the machine's memory, as soon as
     * nothing runs.
     */
    freeMemory(signal?: AbortSignal): Promise<void>;
    /** Closes the kept-alive connections. */
    close(): void;
}
export {};
