import { messageOf } from '../../errors.js';
import { unlessAborted, withDeadline } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import { HistoryCleaner } from './HistoryCleaner.js';
import { PromptAttempt } from './PromptAttempt.js';
/** One prompt's way on one instance, from submission to image, and the tidying up behind it. */
export class PromptRunner {
    #connections;
    #options;
    #logger;
    #history = new HistoryCleaner();
    #background = new Set();
    #stopped = new AbortController();
    constructor(connections, options, logger) {
        this.#connections = connections;
        this.#options = options;
        this.#logger = logger;
    }
    /**
     * Runs a prompt. The socket is open and listened to before the prompt is submitted, since events are not kept
     * (protocol trap 1). When `signal` is aborted the prompt is taken back from ComfyUI before this rejects.
     * @throws PromptError with its category, or the signal's reason
     */
    async run(client, run, listener, signal) {
        const lease = await this.#connections.acquire(client.address);
        const attempt = new PromptAttempt(client, run, listener, lease, this.#options.timings);
        try {
            signal.throwIfAborted();
            const result = await attempt.result(signal);
            this.#later(attempt, () => this.#forget(attempt));
            return result;
        }
        catch (error) {
            if (attempt.hasEnded)
                this.#later(attempt, () => this.#forget(attempt));
            else if (attempt.wasSubmitted)
                await this.#abandon(attempt);
            else
                attempt.release();
            throw error;
        }
    }
    /** Lets the tidying up that is under way go on for at most `maxMs`, then gives it up. */
    async stop(maxMs) {
        await withDeadline(maxMs, undefined, async (deadline) => {
            await Promise.race([Promise.all(this.#background), sleep(maxMs, deadline)]);
        });
        this.#stopped.abort();
        await Promise.all(this.#background);
    }
    #later(attempt, work) {
        const task = work()
            .catch((error) => {
            this.#logger.debug('Tidying up on ComfyUI failed', {
                instance: attempt.client.address.host,
                promptId: attempt.promptId,
                error: messageOf(error),
            });
        })
            .finally(() => {
            attempt.release();
            this.#background.delete(task);
        });
        this.#background.add(task);
    }
    /** Deletes the history entry: it holds the whole image, for up to 10,000 prompts (protocol trap 6). */
    async #forget(attempt) {
        if (this.#options.keepHistory)
            return;
        await attempt.follower.leftQueue(this.#options.stopTimeoutMs, this.#stopped.signal);
        await this.#history.delete(attempt.client, attempt.promptId, this.#stopped.signal);
    }
    /** Takes a prompt back: out of the queue when it is pending, interrupted when it runs. */
    async #abandon(attempt) {
        const { stopTimeoutMs, stopPatienceMs, timings } = this.#options;
        // Nobody listens to it any more.
        attempt.release();
        const stopped = withDeadline(stopTimeoutMs, this.#stopped.signal, (signal) => takeBack(attempt, signal));
        this.#later(attempt, async () => {
            const left = await stopped;
            if (left === 'nothing' || this.#options.keepHistory)
                return;
            const patience = left === 'entry' ? stopPatienceMs : timings.historyPatienceMs;
            await withDeadline(patience, this.#stopped.signal, (signal) => this.#forgetOnceEnded(attempt, signal));
        });
        await stopped.catch(() => undefined);
    }
    async #forgetOnceEnded({ client, promptId }, signal) {
        while (!(await client.historyEntry(promptId, signal))) {
            await sleep(this.#options.timings.lostPollMs, signal);
            signal.throwIfAborted();
        }
        await this.#history.delete(client, promptId, this.#stopped.signal);
    }
}
/**
 * @returns what is left of the prompt: an entry that will come once its node stops, nothing, or perhaps an entry,
 * since it is neither pending nor running: it ended, or never arrived, or was lost
 */
async function takeBack(attempt, signal) {
    // Only when the submission was answered is it clear whether there is anything to take back.
    await unlessAborted(attempt.submission, signal);
    const { client, promptId } = attempt;
    let wasDeleted = false;
    for (;;) {
        const { running, pending } = await client.queue(signal);
        if (running.includes(promptId)) {
            await client.interrupt(promptId, signal);
            return 'entry';
        }
        // A pending prompt that was deleted leaves no trace.
        if (!pending.includes(promptId))
            return wasDeleted ? 'nothing' : 'perhaps';
        // It may start between the look and the deletion, so look again.
        await client.deletePending(promptId, signal);
        wasDeleted = true;
    }
}
//# sourceMappingURL=PromptRunner.js.map