import { PromptError } from '../../errors.js';
import { unlessAborted } from '../../utils/deadline.js';
import { HttpTransport } from './HttpTransport.js';
import { encodePromptBody, imageBytes } from './promptBody.js';
import { historyAnswer, objectInfoAnswer, queueAnswer, submitAnswer, submitRefusal, systemStats, } from './protocol.js';
/**
 * One instance's HTTP API. Every method rejects with a `PromptError` (category and whether to retry) or, when
 * its `signal` is aborted, with that signal's reason.
 */
export class ComfyClient {
    address;
    #options;
    #turns;
    #transport;
    #lastLook;
    constructor(address, options, turns) {
        this.address = address;
        this.#options = options;
        this.#turns = turns;
        this.#transport = new HttpTransport(address, options.headers, options.controlTimeoutMs);
    }
    /** `GET /system_stats`: answers when the instance is alive. */
    async systemStats(signal) {
        const stats = await this.#get('/system_stats', systemStats, this.#options.controlTimeoutMs, signal);
        return { version: stats.system?.comfyui_version };
    }
    /** `GET /object_info/{class}`; undefined when the instance does not have that node class. */
    async nodeInfo(className, signal) {
        const path = `/object_info/${encodeURIComponent(className)}`;
        return (await this.#get(path, objectInfoAnswer, this.#options.controlTimeoutMs, signal))[className];
    }
    /**
     * `POST /prompt`.
     * @returns the id that ComfyUI gave the prompt: older servers do not take the one that was asked for
     * @throws PromptError `workflow_validation` with ComfyUI's own message when it refuses the prompt
     */
    async submit(prompt, signal) {
        await this.#turns.take(imageBytes(prompt.graph));
        const answer = await this.#transport.request({
            method: 'POST',
            path: '/prompt',
            body: encodePromptBody(prompt),
            timeoutMs: this.#options.transferTimeoutMs,
            signal,
        });
        if (answer.status === 400)
            throw refusal(answer);
        if (answer.status === 413) {
            throw new PromptError('ComfyUI does not take a prompt of this size (see its --max-upload-size).', {
                category: 'workflow_validation',
                retryable: false,
            });
        }
        return { promptId: answer.parse(submitAnswer).prompt_id };
    }
    /** `GET /history/{id}`; undefined while the prompt is unknown or not finished. */
    async historyEntry(promptId, signal) {
        const path = `/history/${encodeURIComponent(promptId)}`;
        return (await this.#get(path, historyAnswer, this.#options.transferTimeoutMs, signal))[promptId];
    }
    /**
     * `GET /queue`, reduced to ids. The answer carries every queued image: not for frequent use, and one answer serves
     * all who would take it.
     * @param since `performance.now()` of the oldest look that will do
     */
    async queue(signal, since = performance.now()) {
        const last = this.#lastLook;
        const look = last && last.beganAt >= since ? last : this.#beginLook();
        return unlessAborted(look.queue, signal);
    }
    /**
     * `GET /view`: the bytes of an output file.
     * @throws PromptError `result_missing` when the file is not there or larger than is taken
     */
    async view(file, signal) {
        const answer = await this.#transport.request({
            method: 'GET',
            path: '/view',
            params: { filename: file.filename, subfolder: file.subfolder, type: file.type },
            timeoutMs: this.#options.transferTimeoutMs,
            maxBytes: this.#options.maxResultBytes,
            signal,
        });
        if (answer.status === 404) {
            throw new PromptError('ComfyUI no longer has the result file of this prompt.', {
                category: 'result_missing',
                retryable: true,
            });
        }
        answer.expectOk();
        return answer.bytes;
    }
    /** Forgets finished prompts, with the images that they carry. */
    async deleteHistory(promptIds, signal) {
        await this.#post('/history', { delete: promptIds }, signal);
    }
    /** Takes a pending prompt out of the queue; leaves a running one alone. */
    async deletePending(promptId, signal) {
        await this.#post('/queue', { delete: [promptId] }, signal);
    }
    /**
     * Stops a prompt at its node's next check. An older ComfyUI ignores the id and stops whatever is running, so
     * ask `queue` first who that is.
     */
    async interrupt(promptId, signal) {
        await this.#post('/interrupt', { prompt_id: promptId }, signal);
    }
    /**
     * `POST /free`: drops the models and what is cached of earlier runs from the machine's memory, as soon as
     * nothing runs.
     */
    async freeMemory(signal) {
        await this.#post('/free', { unload_models: true, free_memory: true }, signal);
    }
    /** Closes the kept-alive connections. */
    close() {
        this.#transport.close();
    }
    #beginLook() {
        const look = { beganAt: performance.now(), queue: this.#askQueue() };
        this.#lastLook = look;
        look.queue.catch(() => {
            if (this.#lastLook === look)
                this.#lastLook = undefined;
        });
        return look;
    }
    /** Not aborted with whoever asked first: others may wait for it too. */
    async #askQueue() {
        const answer = await this.#get('/queue', queueAnswer, this.#options.transferTimeoutMs);
        return { running: answer.queue_running, pending: answer.queue_pending };
    }
    async #get(path, schema, timeoutMs, signal) {
        return (await this.#transport.request({ method: 'GET', path, timeoutMs, signal })).parse(schema);
    }
    async #post(path, body, signal) {
        const answer = await this.#transport.request({
            method: 'POST',
            path,
            body: Buffer.from(JSON.stringify(body)),
            timeoutMs: this.#options.controlTimeoutMs,
            signal,
        });
        answer.expectOk();
    }
}
function refusal(answer) {
    const parsed = submitRefusal.safeParse(answer.json());
    if (!parsed.success)
        return answer.unexpected('answered 400');
    const { error, node_errors } = parsed.data;
    const first = Object.entries(node_errors)[0];
    const reason = first?.[1].errors[0];
    const about = [reason?.message, reason?.details].filter(Boolean).join(': ');
    return new PromptError(`ComfyUI refused the workflow: ${[error.message, about].filter(Boolean).join(' ')}`, {
        category: 'workflow_validation',
        retryable: false,
        details: {
            type: error.type,
            message: error.message,
            details: error.details,
            ...(first ? { node_id: first[0], node_class: first[1].class_type } : {}),
            node_errors,
        },
    });
}
//# sourceMappingURL=ComfyClient.js.map