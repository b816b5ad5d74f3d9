import { PromptError } from '../../errors.js';
import { unlessAborted } from '../../utils/deadline.js';
import { sleep } from '../../utils/timers.js';
import { PromptFollower } from './PromptFollower.js';
import { PromptTracker } from './promptTracker.js';
/** Tries of a request whose failure would cost a whole run, and the wait before the second. */
const CAREFUL_TRIES = 3;
const CAREFUL_RETRY_MS = 100;
/** After these ComfyUI does not have the prompt; after anything else, such as a proxy's 502, it may. */
const PROVES_REFUSAL = new Set(['connection_refused', 'workflow_validation']);
/** One submission of a prompt to one instance, with what it holds while it lasts. */
export class PromptAttempt {
    client;
    follower;
    promptId;
    wasSubmitted = false;
    /** ComfyUI itself ended the prompt, well or not. */
    hasEnded = false;
    /** Settles when ComfyUI answered the submission; never rejects. */
    submission = Promise.resolve();
    #run;
    #listener;
    #lease;
    #unsubscribe = () => undefined;
    constructor(client, run, listener, lease, timings) {
        this.client = client;
        this.promptId = run.promptId;
        this.#run = run;
        this.#listener = listener;
        this.#lease = lease;
        this.follower = new PromptFollower({
            client,
            tracker: new PromptTracker(run.graph, run.outputNode),
            outputNode: run.outputNode,
            socket: lease?.socket,
            timings,
            onProgress: (progress) => listener.onProgress(progress),
        });
        this.#listenFor(run.promptId);
    }
    async result(signal) {
        await this.#submit(signal);
        const outcome = await this.follower.end(this.promptId, signal);
        this.hasEnded = outcome.kind !== 'lost';
        if (outcome.kind === 'failed' || outcome.kind === 'lost')
            throw outcome.error;
        const file = outcome.kind === 'succeeded' ? outcome.images[0] : undefined;
        if (!file)
            throw new PromptError('No image came of the prompt.', { category: 'result_missing', retryable: false });
        return { promptId: this.promptId, image: await this.#view(file, signal) };
    }
    release() {
        this.#unsubscribe();
        this.#lease?.release();
    }
    #listenFor(promptId) {
        this.#unsubscribe();
        this.#unsubscribe = this.#lease?.socket.subscribe(promptId, this.follower) ?? (() => undefined);
    }
    /**
     * The request itself is not aborted with the job: half a submission leaves open whether ComfyUI has the prompt.
     */
    async #submit(signal) {
        const { graph, promptId } = this.#run;
        // With no socket the events go nowhere, whatever the id.
        const clientId = this.#lease?.socket.clientId ?? promptId;
        this.wasSubmitted = true;
        const answer = this.client.submit({ graph, clientId, promptId });
        this.submission = answer.catch(() => undefined);
        try {
            const accepted = await unlessAborted(answer, signal);
            if (accepted.promptId !== promptId)
                this.#adopt(accepted.promptId);
        }
        catch (error) {
            signal.throwIfAborted();
            await this.#recoverSubmission(error, signal);
        }
        this.#listener.onSubmitted(this.promptId);
    }
    /** An older server chose its own id: what it sent before its answer is missed. */
    #adopt(promptId) {
        this.promptId = promptId;
        this.#listenFor(promptId);
        this.follower.suspectMissedMessages();
    }
    /** A submission whose answer was lost may have arrived: it is looked up before anybody sends it again. */
    async #recoverSubmission(error, signal) {
        const mayHaveArrived = error instanceof PromptError && !PROVES_REFUSAL.has(error.category);
        if (mayHaveArrived && (await this.#isKnown(signal)))
            return;
        this.wasSubmitted = mayHaveArrived;
        throw error;
    }
    async #isKnown(signal) {
        try {
            return await carefully(() => this.#lookUp(signal), signal);
        }
        catch {
            signal.throwIfAborted();
            return false;
        }
    }
    async #lookUp(signal) {
        const { running, pending } = await this.client.queue(signal);
        if (running.includes(this.promptId) || pending.includes(this.promptId))
            return true;
        return (await this.client.historyEntry(this.promptId, signal)) !== undefined;
    }
    /** The work is done, so a hiccup here is worth a second try before the whole prompt runs again elsewhere. */
    #view(file, signal) {
        return carefully(() => this.client.view(file, signal), signal);
    }
}
/** Does it again, with a longer wait each time, when the instance or the network failed. */
async function carefully(request, signal) {
    for (let tries = 1;; tries += 1) {
        try {
            return await request();
        }
        catch (error) {
            signal.throwIfAborted();
            const isTransient = error instanceof PromptError && error.retryable && error.category !== 'result_missing';
            if (!isTransient || tries === CAREFUL_TRIES)
                throw error;
            await sleep(CAREFUL_RETRY_MS * tries, signal);
        }
    }
}
//# sourceMappingURL=PromptAttempt.js.map