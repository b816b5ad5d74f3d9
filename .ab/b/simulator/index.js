import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { sleep } from '../utils/timers.js';
import { writeAnswer, writeSpoiled } from './answers.js';
import { Executor } from './Executor.js';
import { FileStore } from './FileStore.js';
import { noFaults } from './faults.js';
import { parseJson, readCall, SimulatedApi } from './http.js';
import { MISCHIEF } from './mischief.js';
import { echoClasses, nodeClasses } from './nodes.js';
import { MODEL_NODES } from './PromptExecution.js';
import { graphSchema, outputName } from './prompt.js';
import { SimulatedSockets } from './sockets.js';
import { Traps } from './Traps.js';
export { OUT_OF_MEMORY } from './faults.js';
const submission = z.object({ prompt: graphSchema });
const DEFAULT_MODELS = ['4x_NMKD-Siax_200k.pth', '4x_foolhardy_Remacri.pth'];
/**
 * A ComfyUI stand-in that speaks its protocol over real sockets and makes real images, with faults that can be
 * switched on. It lives in one process and has one port, which it keeps over a crash and restart.
 */
export class Simulator {
    faults = noFaults();
    /** Ids of every prompt that was ever accepted. */
    promptIds = [];
    /** Requests by method and first part of the path, such as `GET /history`. */
    requests = new Map();
    traps = new Traps(async (name) => MISCHIEF[name](this));
    #options;
    #workMs;
    #sockets;
    #api;
    #executor;
    #files = new FileStore();
    #http;
    #ws;
    #port = 0;
    #number = 0;
    /** Requests that are never answered. */
    #held = [];
    constructor(options = {}) {
        this.#options = options;
        this.#workMs = { ...options.workMs };
        this.#sockets = new SimulatedSockets(this.faults);
        this.#executor = this.#newExecutor();
        this.#api = new SimulatedApi({
            executor: () => this.#executor,
            files: () => this.#files,
            faults: this.faults,
            acceptsPromptId: options.generation !== 'older',
            nextNumber: () => this.#number++,
            onPrompt: (id) => this.promptIds.push(id),
        });
    }
    /** Whether it listens. */
    get isRunning() {
        return this.#http !== undefined;
    }
    /** `host:port`, as `COMFYUI_HOST` takes it. */
    get host() {
        return `127.0.0.1:${this.#port}`;
    }
    get sockets() {
        return this.#sockets;
    }
    /** Ids of the prompts in the history. */
    get historyIds() {
        return [...this.#executor.history.keys()];
    }
    /** Prompts that wait or run. */
    get queueRemaining() {
        return this.#executor.queueRemaining;
    }
    /** Lets every model node take `ms` milliseconds from now on. */
    setWork(ms) {
        for (const name of MODEL_NODES)
            this.#workMs[name] = ms;
    }
    /** Listens on `port`, or on any free one for 0. */
    async start(port = 0, host = '127.0.0.1') {
        const http = createServer((request, response) => void this.#handle(request, response));
        this.#ws = new WebSocketServer({ noServer: true });
        http.on('upgrade', (request, socket, head) => {
            if (!this.#mayEnter(request) ||
                this.faults.refuseSockets ||
                !/^(\/api)?\/ws\b/.test(request.url ?? '')) {
                socket.destroy();
                return;
            }
            this.#ws?.handleUpgrade(request, socket, head, (ws) => {
                this.#sockets.add(ws, request, (id) => this.#executor.hello(id));
            });
        });
        await new Promise((resolve, reject) => {
            http.once('error', reject);
            http.listen(port, host, resolve);
        });
        this.#http = http;
        this.#port = http.address().port;
    }
    /** Dies like a killed process: every connection is cut, and queue, history, cache and files are gone. */
    async crash() {
        this.#executor.kill();
        this.#files = new FileStore();
        this.#executor = this.#newExecutor();
        await this.unplug();
    }
    /** Cuts every connection and takes no new one; what runs goes on. */
    async unplug() {
        const http = this.#http;
        this.#http = undefined;
        this.#sockets.drop();
        http?.closeAllConnections();
        await new Promise((resolve) => (http ? http.close(() => resolve()) : resolve()));
    }
    /** Listens again on the same port. */
    async plugIn() {
        if (!this.#http)
            await this.start(this.#port);
    }
    /** Comes back on the same port, with nothing in its memory. */
    async restart() {
        await this.crash();
        await this.plugIn();
    }
    /** Ends all mischief: the machine is as it was, or back with nothing in its memory if it was killed. */
    async behave() {
        this.traps.clear();
        Object.assign(this.faults, noFaults());
        // Requests that were never to be answered must not wait for ever now.
        for (const response of this.#held.splice(0))
            response.destroy();
        await this.plugIn();
    }
    /** Ends. */
    async stop() {
        this.traps.clear();
        await this.crash();
    }
    #newExecutor() {
        const { withoutNodes = [], models = DEFAULT_MODELS, isEcho = false } = this.#options;
        const classes = Object.fromEntries(Object.entries(isEcho ? echoClasses(models) : nodeClasses(models)).filter(([name]) => !withoutNodes.includes(name)));
        return new Executor(classes, {
            sockets: this.#sockets,
            files: this.#files,
            faults: this.faults,
            onMoment: (moment, output) => void this.traps.onMoment(moment, output),
        }, {
            generation: this.#options.generation ?? 'current',
            workMs: this.#workMs,
            historyDelayMs: this.#options.historyDelayMs ?? 5,
        });
    }
    #mayEnter(request) {
        const { requireHeader } = this.#options;
        return !requireHeader || request.headers[requireHeader.name] === requireHeader.value;
    }
    async #handle(request, response) {
        const call = await readCall(request).catch(() => undefined);
        if (request.destroyed && !request.complete)
            return;
        if (!call)
            return writeAnswer(response, { status: 413 });
        const key = `${call.method} /${call.path.split('/')[1] ?? ''}`;
        this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
        await this.#onRequest(call);
        const { delayMs, neverAnswer, respond, spoil } = this.faults;
        if (neverAnswer)
            return this.#hold(response);
        if (!this.#mayEnter(request))
            return writeAnswer(response, { status: 401 });
        if (delayMs > 0)
            await sleep(delayMs);
        if (respond && respond.times > 0 && respond.path.test(call.path)) {
            respond.times -= 1;
            return writeAnswer(response, { status: respond.status, text: respond.body ?? '' });
        }
        const answer = this.#api.answer(call);
        if (this.faults.rewrite)
            return writeAnswer(response, answer, this.faults.rewrite);
        if (!spoil || spoil.times <= 0 || !spoil.path.test(call.path))
            return writeAnswer(response, answer);
        spoil.times -= 1;
        if (spoil.how === 'never')
            return this.#hold(response);
        if (spoil.how === 'late')
            return this.traps.later(spoil.lateMs ?? 0, () => writeAnswer(response, answer));
        return writeSpoiled(response, answer, spoil.how);
    }
    /** The moments that a request is: a prompt that comes, and a result that is fetched. */
    async #onRequest(call) {
        if (!this.traps.waiting)
            return;
        if (call.method === 'POST' && call.path === '/prompt') {
            const body = submission.safeParse(parseJson(call.body));
            if (body.success)
                await this.traps.onMoment('submit', outputName({ graph: body.data.prompt }));
        }
        else if (call.path === '/view') {
            await this.traps.onMoment('view', `${call.query.get('subfolder')}/${call.query.get('filename')}`);
        }
    }
    #hold(response) {
        this.#held.push(response);
    }
}
/** Creates a simulator and starts it. */
export async function startSimulator(options = {}, port = 0) {
    const simulator = new Simulator(options);
    await simulator.start(port);
    return simulator;
}
//# sourceMappingURL=index.js.map