import type { ComfyClient } from './ComfyClient.js';
/** Deletes entries of the instances' histories, those of about the same time together. */
export declare class HistoryCleaner {
    #private;
    /**
     * Has an entry deleted soon.
     * @param signal aborts a deletion that is under way, and the wait before it
     * @throws PromptError when the instance does not take it
     */
    delete(client: ComfyClient, promptId: string, signal: AbortSignal): Promise<void>;
}
