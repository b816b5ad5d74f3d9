import { sleep } from '../../utils/timers.js';
/** How long an entry may wait for others, ms: under load one request forgets many. */
const GATHER_MS = 50;
/** Deletes entries of the instances' histories, those of about the same time together. */
export class HistoryCleaner {
    #batches = new Map();
    /**
     * Has an entry deleted soon.
     * @param signal aborts a deletion that is under way, and the wait before it
     * @throws PromptError when the instance does not take it
     */
    async delete(client, promptId, signal) {
        const waiting = this.#batches.get(client);
        if (waiting) {
            waiting.ids.push(promptId);
            return waiting.done;
        }
        const ids = [promptId];
        const done = this.#deleteLater(client, ids, signal);
        this.#batches.set(client, { ids, done });
        return done;
    }
    async #deleteLater(client, ids, signal) {
        await sleep(GATHER_MS, signal);
        this.#batches.delete(client);
        signal.throwIfAborted();
        await client.deleteHistory(ids, signal);
    }
}
//# sourceMappingURL=HistoryCleaner.js.map