import { sleep } from '../utils/timers.js';
import { PromptExecution } from './PromptExecution.js';
import { listed, outputName } from './prompt.js';
/** One prompt at a time, in order; queue and history live in this object's memory and die with it. */
export class Executor {
    history = new Map();
    classes;
    #pending = [];
    #running;
    #cache = new Map();
    #dead = new AbortController();
    #sockets;
    #files;
    #faults;
    #onMoment;
    #options;
    constructor(classes, world, options) {
        this.classes = classes;
        this.#sockets = world.sockets;
        this.#files = world.files;
        this.#faults = world.faults;
        this.#onMoment = world.onMoment;
        this.#options = options;
    }
    get queueRemaining() {
        return this.#pending.length + (this.#running ? 1 : 0);
    }
    /** What a socket is told when it connects: `executing` comes without a prompt id (protocol trap 4). */
    hello(clientId) {
        const messages = [{ type: 'status', data: { status: this.#execInfo(), sid: clientId } }];
        const node = this.#running?.execution.currentNode;
        if (node !== undefined && this.#running?.prompt.clientId === clientId) {
            messages.push({ type: 'executing', data: { node } });
        }
        return messages;
    }
    enqueue(prompt) {
        this.#pending.push(prompt);
        this.#tellStatus();
        // ComfyUI's worker is a thread of its own: it takes the prompt once the POST was answered, or just before.
        if (this.#running)
            this.#onMoment('pending', outputName(prompt));
        else
            setImmediate(() => void this.#work());
    }
    queue() {
        return {
            queue_running: this.#running ? [listed(this.#running.prompt)] : [],
            queue_pending: this.#pending.map(listed),
        };
    }
    deletePending(ids) {
        this.#pending = this.#pending.filter((prompt) => !ids.includes(prompt.id));
        this.#tellStatus();
    }
    clearPending() {
        this.#pending = [];
        this.#tellStatus();
    }
    /** With an id, stops that prompt if it is the one running; an older server, or none, stops whatever runs. */
    interrupt(promptId) {
        if (!this.#running)
            return;
        const isMeant = promptId === undefined || this.#options.generation === 'older' || promptId === this.#running.prompt.id;
        if (isMeant)
            this.#running.execution.interrupted = true;
    }
    /** The process is gone: nothing of it runs on. */
    kill() {
        this.#dead.abort(new Error('killed'));
    }
    async #work() {
        while (!this.#running && !this.#dead.signal.aborted) {
            const prompt = this.#pending.shift();
            if (!prompt)
                return;
            const execution = this.#execution(prompt);
            this.#running = { prompt, execution };
            this.#tellStatus();
            const end = await execution.run().catch(() => undefined);
            if (!end || this.#dead.signal.aborted)
                return;
            this.#cache = execution.results;
            const { historyDelayMs } = this.#options;
            if (historyDelayMs > 0)
                await sleep(historyDelayMs, this.#dead.signal);
            if (!this.#faults.loseHistory)
                this.history.set(prompt.id, historyEntry(prompt, end));
            this.#running = undefined;
            this.#tellStatus();
            this.#sockets.send(prompt.clientId, {
                type: 'executing',
                data: { node: null, prompt_id: prompt.id },
            });
        }
    }
    #execution(prompt) {
        return new PromptExecution(prompt, {
            classes: this.classes,
            files: this.#files,
            faults: this.#faults,
            workMs: this.#options.workMs,
            isOlder: this.#options.generation === 'older',
            cache: this.#cache,
            dead: this.#dead.signal,
            send: (message) => this.#sockets.send(prompt.clientId, message),
            onMoment: (moment) => this.#onMoment(moment, outputName(prompt)),
        });
    }
    #execInfo() {
        return { exec_info: { queue_remaining: this.queueRemaining } };
    }
    #tellStatus() {
        this.#sockets.broadcast({ type: 'status', data: { status: this.#execInfo() } });
    }
}
function historyEntry(prompt, end) {
    return {
        prompt: listed(prompt),
        outputs: end.outputs,
        status: {
            status_str: end.status,
            completed: end.status === 'success',
            messages: end.messages.map(({ type, data }) => [type, data]),
        },
        meta: Object.fromEntries(Object.keys(end.outputs).map((id) => [
            id,
            { node_id: id, display_node: id, parent_node: null, real_node_id: id },
        ])),
    };
}
//# sourceMappingURL=Executor.js.map