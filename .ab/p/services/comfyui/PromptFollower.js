import { PromptError } from '../../errors.js';
import { Bell } from '../../utils/bell.js';
import { withDeadline } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import { outcomeOfHistory, } from './promptTracker.js';
/** Polls that may fail one after the other before the instance is taken for gone. */
const MAX_POLL_FAILURES = 3;
/**
 * Follows one prompt to its end: by its messages while there are any, by a slow poll whenever they stay away. No
 * end depends on a message, so a socket that is cut, deaf or mute delays a prompt and never loses it.
 */
export class PromptFollower {
    #following;
    #bell = new Bell();
    #hasSocket;
    /** `performance.now()` of the next poll, put off by every message. */
    #nextPoll = 0;
    #nextQueueCheck;
    /** `performance.now()` of the oldest look at the queue that tells anything about this prompt. */
    #oldestLook = 0;
    #pollFailures = 0;
    constructor(following) {
        this.#following = following;
        this.#hasSocket = following.socket !== undefined;
        this.#nextQueueCheck = performance.now() + following.timings.queueCheckMs;
        this.#putOffPoll();
    }
    onMessage(message) {
        this.#putOffPoll();
        const { tracker, onProgress } = this.#following;
        tracker.accept(message);
        if (tracker.outcome)
            this.#bell.ring();
        else
            onProgress(tracker.progress);
    }
    onDisconnect() {
        this.#hasSocket = false;
        this.suspectMissedMessages();
        this.#bell.ring();
    }
    /** Takes it that messages were missed: polls at once, and looks at the queue too. */
    suspectMissedMessages() {
        this.#nextPoll = 0;
        this.#suspectLoss();
    }
    /**
     * Resolves with the prompt's end; a prompt that the server lost ends as a retryable failure.
     * @throws PromptError (retryable) when the server does not answer any more
     * @throws the signal's reason when it is aborted
     */
    async end(promptId, signal) {
        // Before this it need not have been there.
        this.#oldestLook = performance.now();
        for (;;) {
            signal.throwIfAborted();
            const outcome = this.#following.tracker.outcome;
            if (outcome?.kind === 'ask-history')
                return this.#awaitHistory(promptId, signal);
            if (outcome)
                return outcome;
            const wait = this.#nextPoll - performance.now();
            const polled = wait > 0 ? await this.#bell.wait(wait, signal) : await this.#poll(promptId, signal);
            if (polled)
                return polled;
        }
    }
    /**
     * Waits until the history entry of a prompt that ended must exist, so that it can be deleted for good:
     * `executing {node: null}` comes after it, `execution_success` before it (protocol trap 2).
     */
    async leftQueue(maxMs, signal) {
        await withDeadline(maxMs, signal, async (deadline) => {
            while (this.#hasSocket && !this.#following.tracker.hasLeftQueue && !deadline.aborted) {
                await this.#bell.wait(maxMs, deadline);
            }
        });
    }
    /** What was seen in the queue until now says nothing any more. */
    #suspectLoss() {
        this.#nextQueueCheck = 0;
        this.#oldestLook = performance.now();
    }
    #putOffPoll() {
        const { quietPollMs, lostPollMs } = this.#following.timings;
        this.#nextPoll = performance.now() + (this.#hasSocket ? quietPollMs : lostPollMs);
    }
    async #poll(promptId, signal) {
        try {
            const outcome = (await this.#askHistory(promptId, signal)) ?? (await this.#askQueue(promptId, signal));
            this.#pollFailures = 0;
            return outcome;
        }
        catch (error) {
            signal.throwIfAborted();
            this.#pollFailures += 1;
            if (this.#pollFailures >= MAX_POLL_FAILURES)
                throw error;
            this.#suspectLoss();
            return undefined;
        }
        finally {
            this.#putOffPoll();
        }
    }
    async #askHistory(promptId, signal) {
        const { client, outputNode, tracker, socket } = this.#following;
        const entry = await client.historyEntry(promptId, signal);
        if (!entry)
            return undefined;
        // Finished, and the socket never said so: it is deaf (protocol trap 3) and would be for the next prompt too.
        if (this.#hasSocket && !tracker.outcome)
            socket?.terminate();
        return outcomeOfHistory(entry, outputNode);
    }
    /** Neither pending nor running nor in the history: the server lost it, as after a restart. */
    async #askQueue(promptId, signal) {
        const now = performance.now();
        if (now < this.#nextQueueCheck)
            return undefined;
        const { client, timings } = this.#following;
        // One that another prompt's follower took will do, if it is not too old.
        const since = Math.max(this.#oldestLook, now - timings.queueCheckMs / 2);
        const { running, pending } = await client.queue(signal, since);
        this.#nextQueueCheck = performance.now() + timings.queueCheckMs;
        if (running.includes(promptId) || pending.includes(promptId))
            return undefined;
        // It may have ended between the two answers.
        return (await this.#askHistory(promptId, signal)) ?? lostPrompt(client.address.host);
    }
    async #awaitHistory(promptId, signal) {
        const { historyRetryMs, historyPatienceMs } = this.#following.timings;
        const deadline = performance.now() + historyPatienceMs;
        for (let wait = historyRetryMs;; wait *= 2) {
            const { client, outputNode } = this.#following;
            const entry = await client.historyEntry(promptId, signal);
            if (entry)
                return outcomeOfHistory(entry, outputNode);
            if (performance.now() + wait > deadline)
                return lostPrompt(client.address.host);
            await sleep(wait, signal);
            signal.throwIfAborted();
        }
    }
}
function lostPrompt(host) {
    const error = new PromptError(`${host} lost the prompt, as after a restart.`, {
        category: 'connection_lost',
        retryable: true,
    });
    return { kind: 'lost', error };
}
//# sourceMappingURL=PromptFollower.js.map