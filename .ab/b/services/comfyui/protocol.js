/**
 * What ComfyUI sends, as far as this server reads it. Unknown message types and fields are passed over, so that
 * a newer ComfyUI does not break anything; known ones that do not fit are reported as malformed.
 */
import { z } from 'zod';
const imageFile = z.object({
    filename: z.string(),
    subfolder: z.string().default(''),
    type: z.string().default('output'),
});
const nodeOutput = z.object({ images: z.array(imageFile).optional() }).nullish();
const promptId = z.string();
const nodeId = z.string();
const executionErrorData = z.object({
    prompt_id: promptId,
    node_id: z.coerce.string().nullish(),
    node_type: z.string().nullish(),
    exception_type: z.string().nullish(),
    exception_message: z.string().nullish(),
});
const nodeProgress = z.object({
    value: z.number(),
    max: z.number(),
    state: z.string(),
});
/** Messages about one prompt. `status` is left out: it goes to everybody and tells nothing about a prompt. */
const promptMessage = z.discriminatedUnion('type', [
    z.object({ type: z.literal('execution_start'), data: z.object({ prompt_id: promptId }) }),
    z.object({
        type: z.literal('execution_cached'),
        data: z.object({ prompt_id: promptId, nodes: z.array(nodeId) }),
    }),
    z.object({
        type: z.literal('progress_state'),
        data: z.object({ prompt_id: promptId, nodes: z.record(nodeId, nodeProgress) }),
    }),
    z.object({
        type: z.literal('executing'),
        data: z.object({ prompt_id: promptId, node: nodeId.nullable() }),
    }),
    z.object({
        type: z.literal('progress'),
        data: z.object({ prompt_id: promptId, node: nodeId.nullish(), value: z.number(), max: z.number() }),
    }),
    z.object({
        type: z.literal('executed'),
        data: z.object({ prompt_id: promptId, node: nodeId, output: nodeOutput }),
    }),
    z.object({ type: z.literal('execution_success'), data: z.object({ prompt_id: promptId }) }),
    z.object({ type: z.literal('execution_error'), data: executionErrorData }),
    z.object({
        type: z.literal('execution_interrupted'),
        data: z.object({ prompt_id: promptId, node_id: z.coerce.string().nullish() }),
    }),
]);
const KNOWN_TYPES = new Set(promptMessage.options.map((o) => o.shape.type.value));
/** Reads one text frame of ComfyUI's WebSocket. Never throws. */
export function parseFrame(text) {
    let json;
    try {
        json = JSON.parse(text);
    }
    catch {
        return { kind: 'malformed', reason: 'not JSON' };
    }
    const type = json?.type;
    if (typeof type !== 'string')
        return { kind: 'malformed', reason: 'no type' };
    if (!KNOWN_TYPES.has(type) || isAboutNoPrompt(json))
        return { kind: 'ignored' };
    const parsed = promptMessage.safeParse(json);
    if (parsed.success)
        return { kind: 'message', message: parsed.data };
    return { kind: 'malformed', reason: z.prettifyError(parsed.error).slice(0, 300) };
}
/** A socket that reconnects is told `executing {node}` with no prompt id (protocol trap 4): whose it is stays open. */
function isAboutNoPrompt(json) {
    const data = json.data;
    return typeof data === 'object' && data !== null && !('prompt_id' in data);
}
/** Answer of `POST /prompt`. */
export const submitAnswer = z.object({ prompt_id: promptId });
/** Refusal of `POST /prompt` (400). */
export const submitRefusal = z.object({
    error: z.union([
        z.object({ type: z.string().optional(), message: z.string(), details: z.string().optional() }),
        z.string().transform((message) => ({ type: undefined, message, details: undefined })),
    ]),
    node_errors: z
        .record(nodeId, z.object({
        class_type: z.string().optional(),
        errors: z
            .array(z.object({ type: z.string().optional(), message: z.string(), details: z.string().optional() }))
            .default([]),
    }))
        // An empty Python dict, or an empty list on some versions.
        .or(z.array(z.unknown()).transform(() => ({})))
        .default({}),
});
const historyEntry = z.object({
    outputs: z.record(nodeId, nodeOutput).default({}),
    status: z
        .object({
        status_str: z.string(),
        completed: z.boolean().optional(),
        messages: z.array(z.tuple([z.string(), z.unknown()])).default([]),
    })
        .nullish(),
});
/** Answer of `GET /history/{id}`: empty for an id that is unknown or not finished. */
export const historyAnswer = z.record(promptId, historyEntry);
/** The `execution_error` that a failed history entry keeps among its messages. */
export function historyError(entry) {
    const message = entry.status?.messages.find(([type]) => type === 'execution_error');
    const parsed = executionErrorData.safeParse(message?.[1]);
    return parsed.success ? parsed.data : undefined;
}
const queueItem = z
    .tuple([z.unknown(), promptId])
    .rest(z.unknown())
    .transform((item) => item[1]);
/** Answer of `GET /queue`, reduced to the prompt ids. */
export const queueAnswer = z.object({
    queue_running: z.array(queueItem),
    queue_pending: z.array(queueItem),
});
/** Answer of `GET /system_stats`, of which only the version is of use. */
export const systemStats = z.object({
    system: z.object({ comfyui_version: z.string().optional() }).optional(),
});
const nodeInfo = z.object({
    input: z.object({
        required: z.record(z.string(), z.array(z.unknown())).optional(),
        optional: z.record(z.string(), z.array(z.unknown())).optional(),
    }),
});
/** Answer of `GET /object_info/{class}`: `{}` for a class that the instance does not have. */
export const objectInfoAnswer = z.record(z.string(), nodeInfo);
/**
 * The values that an input of a node takes, from its object info. Both forms that ComfyUI has used are read:
 * `[["a", "b"], {…}]` and `["COMBO", { options: ["a", "b"] }]`.
 * @returns undefined when the input is no list of choices
 */
export function choicesOf(info, input) {
    const [kind, extra] = info.input.required?.[input] ?? info.input.optional?.[input] ?? [];
    const options = Array.isArray(kind) ? kind : extra?.options;
    return Array.isArray(options) ? options.map(String) : undefined;
}
//# sourceMappingURL=protocol.js.map