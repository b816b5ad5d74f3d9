import { v4 as uuid } from 'uuid';
import { objectInfo } from './nodes.js';
import { graphSchema } from './prompt.js';
import { noPrompt, validatePrompt } from './validation.js';
/** ComfyUI's own limit on a request's body unless it was started with another. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;
const ok = { status: 200 };
/** ComfyUI's routes, each also under `/api`. */
export class SimulatedApi {
    #world;
    constructor(world) {
        this.#world = world;
    }
    /** Answers one call. */
    answer(call) {
        const { method, path } = call;
        const [, first = '', rest] = /^\/([^/]*)(?:\/(.+))?$/.exec(path) ?? [];
        switch (`${method} /${first}`) {
            case 'GET /system_stats':
                return { status: 200, json: SYSTEM_STATS };
            case 'GET /object_info':
                return { status: 200, json: this.#objectInfo(rest) };
            case 'GET /prompt':
                return {
                    status: 200,
                    json: { exec_info: { queue_remaining: this.#world.executor().queueRemaining } },
                };
            case 'POST /prompt':
                return this.#submit(call.body);
            case 'GET /history':
                return { status: 200, json: this.#history(rest, call.query) };
            case 'GET /queue':
                return { status: 200, json: this.#world.executor().queue() };
            case 'GET /view':
                return this.#view(call.query);
            case 'POST /upload':
                return this.#upload(call.body);
            case 'POST /history':
            case 'POST /queue':
            case 'POST /interrupt':
            case 'POST /free':
                return this.#command(first, call.body);
            default:
                return { status: 404 };
        }
    }
    #objectInfo(name) {
        const { classes } = this.#world.executor();
        const chosen = Object.entries(classes).filter(([key]) => name === undefined || key === name);
        return Object.fromEntries(chosen.map(([key, node]) => [key, objectInfo(key, node)]));
    }
    #submit(body) {
        const json = parseJson(body);
        if (json === undefined)
            return BROKEN_JSON;
        const { prompt, client_id, prompt_id, extra_data } = json;
        if (prompt === undefined)
            return { status: 400, json: noPrompt };
        const graph = graphSchema.safeParse(prompt);
        if (!graph.success)
            return BROKEN_JSON;
        const executor = this.#world.executor();
        const validated = validatePrompt(graph.data, executor.classes);
        if ('refusal' in validated)
            return { status: 400, json: validated.refusal };
        const id = this.#world.acceptsPromptId && typeof prompt_id === 'string' ? prompt_id : uuid();
        const number = this.#world.nextNumber();
        this.#world.onPrompt(id);
        executor.enqueue({
            number,
            id,
            graph: graph.data,
            clientId: typeof client_id === 'string' ? client_id : undefined,
            extraData: (extra_data ?? {}),
            outputs: validated.outputs,
        });
        return { status: 200, json: { prompt_id: id, number, node_errors: {} } };
    }
    #history(id, query) {
        const { history } = this.#world.executor();
        if (id !== undefined)
            return history.has(id) ? { [id]: history.get(id) } : {};
        const max = Number(query.get('max_items') ?? Number.POSITIVE_INFINITY);
        return Object.fromEntries([...history].slice(-max));
    }
    #command(name, body) {
        const executor = this.#world.executor();
        const json = (body.length > 0 ? parseJson(body) : {});
        if (json === undefined)
            return BROKEN_JSON;
        const ids = Array.isArray(json['delete']) ? json['delete'].map(String) : [];
        if (name === 'interrupt') {
            executor.interrupt(typeof json['prompt_id'] === 'string' ? json['prompt_id'] : undefined);
        }
        else if (name === 'queue') {
            if (json['clear'] === true)
                executor.clearPending();
            if (ids.length > 0)
                executor.deletePending(ids);
        }
        else if (name === 'history') {
            if (json['clear'] === true)
                executor.history.clear();
            for (const id of ids)
                executor.history.delete(id);
        }
        else if (name === 'free' && json['free_memory'] === true) {
            this.#world.faults.memoryFull = false;
        }
        return ok;
    }
    #view(query) {
        const filename = query.get('filename') ?? '';
        const subfolder = query.get('subfolder') ?? '';
        if (`${subfolder}/${filename}`.includes('..'))
            return { status: 400 };
        const file = this.#world.files().get(query.get('type') ?? 'output', subfolder, filename);
        const { faults } = this.#world;
        if (!file || faults.loseFiles > 0) {
            faults.loseFiles -= 1;
            return { status: 404 };
        }
        return { status: 200, png: file };
    }
    /** Takes the one file of a multipart body as it stands between its headers and the closing boundary. */
    #upload(body) {
        const start = body.indexOf('\r\n\r\n');
        const boundary = body.subarray(0, body.indexOf('\r\n'));
        const end = body.indexOf(boundary, start);
        const name = /filename="([^"]*)"/.exec(body.toString('latin1', 0, start))?.[1];
        if (start < 0 || end < 0 || !name)
            return { status: 400 };
        this.#world.files().put('input', '', name, body.subarray(start + 4, end - 2));
        return { status: 200, json: { name, subfolder: '', type: 'input' } };
    }
}
const BROKEN_JSON = {
    status: 500,
    text: '500 Internal Server Error\n\nServer got itself in trouble',
};
const SYSTEM_STATS = {
    system: {
        os: 'posix',
        ram_total: 16_000_000_000,
        ram_free: 12_000_000_000,
        comfyui_version: 'simulator',
        python_version: '3.11.7',
        pytorch_version: '0',
        embedded_python: false,
        argv: ['main.py'],
    },
    devices: [
        {
            name: 'simulated',
            type: 'cpu',
            index: null,
            vram_total: 16_000_000_000,
            vram_free: 12_000_000_000,
            torch_vram_total: 16_000_000_000,
            torch_vram_free: 12_000_000_000,
        },
    ],
};
/** Reads a request whole, or nothing when it is larger than ComfyUI takes. */
export async function readCall(request) {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const parts = [];
    let bytes = 0;
    for await (const part of request) {
        bytes += part.length;
        if (bytes <= MAX_BODY_BYTES)
            parts.push(part);
    }
    if (bytes > MAX_BODY_BYTES)
        return undefined;
    return {
        method: request.method ?? 'GET',
        path: url.pathname.replace(/^\/api(?=\/)/, ''),
        query: url.searchParams,
        body: Buffer.concat(parts),
    };
}
/** JSON, or undefined. */
export function parseJson(body) {
    try {
        return JSON.parse(body.toString());
    }
    catch {
        return undefined;
    }
}
//# sourceMappingURL=http.js.map