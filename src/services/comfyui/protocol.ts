/**
 * The messages and responses of ComfyUI that this server reads. Unknown message types and fields are ignored, so that a newer
 * ComfyUI does not break anything; known ones with an unexpected format are reported as malformed. Ids and names are limited and
 * texts are truncated here, once: they are used in records, logs and headers.
 */
import { z } from 'zod';
import { parseMachineJson } from '../../utils/machineJson.js';
import { ownText } from '../../utils/ownText.js';
import { isRecord, type MachineMessage } from './machineMessages.js';
import { outputItems } from './outputItems.js';
import { SERVER_MARK } from './promptBody.js';

const MAX_TEXT = 1000;
const MAX_NAME = 500;
const MAX_VERSION = 64;

/** The start of a text, which may be far longer. */
const cut = (length: number) => z.string().transform((value) => ownText(value.slice(0, length)));
const text = cut(MAX_TEXT);
const name = z.string().max(MAX_NAME);

const nodeOutput = z.unknown().optional().transform(outputItems);

// ComfyUI's own ids are UUIDs; other clients of a machine may choose any.
const promptId = z.string().regex(/^[\x21-\x7e]{1,200}$/);
const nodeId = name;

const executionErrorData = z.object({
  prompt_id: promptId,
  node_id: z.coerce.string().pipe(nodeId).nullish(),
  node_type: name.nullish(),
  exception_type: name.nullish(),
  exception_message: text.nullish(),
});

export type ExecutionErrorData = z.output<typeof executionErrorData>;

const nodeProgress = z.object({
  value: z.number(),
  max: z.number(),
  state: z.string(),
  // The node of the prompt that this one belongs to, if a node expands into others.
  display_node_id: nodeId.nullish(),
});

/** Sent to everyone, and first to a new socket. It says nothing about a prompt. */
const statusMessage = z.object({
  data: z.object({
    status: z.object({ exec_info: z.object({ queue_remaining: z.int().nonnegative() }) }),
  }),
});

/** Messages about one prompt. */
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
    data: z.object({ prompt_id: promptId, node: nodeId.nullable(), display_node: nodeId.nullish() }),
  }),
  z.object({
    type: z.literal('progress'),
    data: z.object({ prompt_id: promptId, node: nodeId.nullish(), value: z.number(), max: z.number() }),
  }),
  z.object({
    type: z.literal('executed'),
    data: z.object({
      prompt_id: promptId,
      node: nodeId,
      display_node: nodeId.nullish(),
      output: nodeOutput,
    }),
  }),
  z.object({ type: z.literal('execution_success'), data: z.object({ prompt_id: promptId }) }),
  z.object({ type: z.literal('execution_error'), data: executionErrorData }),
  z.object({
    type: z.literal('execution_interrupted'),
    data: z.object({ prompt_id: promptId }),
  }),
]);

export type PromptMessage = z.output<typeof promptMessage>;

const KNOWN_TYPES: ReadonlySet<string> = new Set(promptMessage.options.map((o) => o.shape.type.value));

/** Messages of a machine about itself: ComfyUI's flags, log and assets, ComfyUI-Manager's work, and what monitors measure. */
const OF_MACHINE = /^(feature_flags$|logs|assets|cm-|manager|crystools)/;

/** If the frame is about a prompt, it includes the raw message, even of a type that this server does not read. */
export type ParsedFrame =
  | { readonly kind: 'message'; readonly message: PromptMessage; readonly raw: MachineMessage }
  /** The number of all prompts on the machine, including those of other clients. */
  | { readonly kind: 'status'; readonly queueRemaining: number }
  /** A message of a node that does not name its prompt: it belongs to the one that runs. */
  | { readonly kind: 'unnamed'; readonly raw: Omit<MachineMessage, 'promptId'> }
  | { readonly kind: 'ignored'; readonly raw: MachineMessage | undefined }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Parses one text frame of ComfyUI's WebSocket. Never throws. */
export function parseFrame(text: string): ParsedFrame {
  let json: unknown;
  try {
    json = parseMachineJson(text);
  } catch {
    return { kind: 'malformed', reason: 'not JSON' };
  }
  const type = isRecord(json) ? json['type'] : undefined;
  if (!isRecord(json) || typeof type !== 'string') return { kind: 'malformed', reason: 'no type' };
  if (type === 'status') return readStatus(json);
  const data = json['data'];
  if (isUnnamed(type, data))
    return { kind: 'unnamed', raw: { type, data: isRecord(data) ? data : {}, text } };
  const id = isRecord(data) ? data['prompt_id'] : undefined;
  const raw = isRecord(data) && typeof id === 'string' ? { promptId: id, type, data, text } : undefined;
  if (!KNOWN_TYPES.has(type) || isAboutNoPrompt(data)) return { kind: 'ignored', raw };
  const parsed = promptMessage.safeParse(json);
  if (parsed.success && raw) return { kind: 'message', message: parsed.data, raw };
  const reason = parsed.success ? 'no prompt id' : z.prettifyError(parsed.error);
  return { kind: 'malformed', reason: reason.slice(0, 300) };
}

/** A status in another format, as other versions may send it, is ignored. */
function readStatus(json: unknown): ParsedFrame {
  const parsed = statusMessage.safeParse(json);
  if (!parsed.success) return { kind: 'ignored', raw: undefined };
  return { kind: 'status', queueRemaining: parsed.data.data.status.exec_info.queue_remaining };
}

/**
 * Whether a node sent the message, without the id of its prompt. Of ComfyUI's own messages that is only `progress`, which nodes send
 * themselves to announce a result. Machines send others to all clients, about themselves.
 */
function isUnnamed(type: string, data: unknown): boolean {
  if (isRecord(data) ? 'prompt_id' in data : KNOWN_TYPES.has(type)) return false;
  return type === 'progress' || !(KNOWN_TYPES.has(type) || OF_MACHINE.test(type));
}

/** A socket that reconnects gets `executing {node}` without a prompt id (protocol trap 4): its prompt is unknown. */
function isAboutNoPrompt(data: unknown): boolean {
  return isRecord(data) && !('prompt_id' in data);
}

const nodeErrors = z
  .record(
    nodeId,
    z.object({
      class_type: name.optional(),
      /** Output nodes that will not run because of it. */
      dependent_outputs: z.array(z.coerce.string()).default([]),
      errors: z
        .array(z.object({ type: name.optional(), message: text, details: text.optional() }))
        .default([]),
    }),
  )
  // An empty Python dict, or an empty list on some versions.
  .or(z.array(z.unknown()).transform(() => ({})))
  .default({});

/** Response of `POST /prompt`. `node_errors` names outputs that will not run, while the others do. */
export const submitAnswer = z.object({ prompt_id: promptId, node_errors: nodeErrors });

/** The content of a rejection (400), and of a 200 that names outputs which will not run. */
export const submitRefusal = z.object({
  error: z
    .union([
      z.object({ type: name.optional(), message: text, details: text.optional() }),
      text.transform((message) => ({ type: undefined, message, details: undefined })),
    ])
    .default({ type: undefined, message: 'An output of the prompt is invalid.', details: undefined }),
  node_errors: nodeErrors,
});

/** Response of `POST /upload/image`. */
export const uploadAnswer = z.object({
  name: name.min(1),
  subfolder: name.default(''),
  type: name.default('input'),
});

/** Response of `GET /features`. */
export const serverFeatures = z.object({ max_upload_size: z.number().positive().optional() });

/** `extra_data` of a prompt; only the mark of the server that submitted it is read. */
const extraData = z.object({ [SERVER_MARK]: z.string().optional() }).catch({});

/** A prompt in queue and history: number, id, graph, extra data, outputs. Only its mark is kept. */
const listedPrompt = z
  .tuple([z.unknown(), promptId])
  .rest(z.unknown())
  .transform((item) => ({ id: item[1], serverId: extraData.parse(item[3])[SERVER_MARK] }));

const historyEntry = z.object({
  prompt: listedPrompt.optional().catch(undefined),
  outputs: z.record(nodeId, nodeOutput).default({}),
  /** The nodes that the outputs belong to, if a node expands into others. */
  meta: z.record(nodeId, z.object({ display_node: nodeId.nullish() }).catch({})).catch({}),
  status: z
    .object({
      status_str: z.string(),
      completed: z.boolean().optional(),
      messages: z.array(z.tuple([z.string(), z.unknown()])).default([]),
    })
    .nullish(),
});

/** One finished prompt of `GET /history/{id}`. */
export type HistoryEntry = z.output<typeof historyEntry>;

/** Response of `GET /history/{id}`: empty for an id that is unknown or not finished. */
export const historyAnswer = z.record(promptId, historyEntry);

/** The `execution_error` messages that a history entry keeps. */
export function historyErrors(entry: HistoryEntry): ExecutionErrorData[] {
  return (entry.status?.messages ?? []).flatMap(([type, data]) => {
    const parsed = type === 'execution_error' ? executionErrorData.safeParse(data) : undefined;
    return parsed?.success ? [parsed.data] : [];
  });
}

/** A prompt that an instance has not finished. */
export interface QueuedPrompt {
  readonly id: string;
  /** The server of this kind that submitted it, if any. */
  readonly serverId: string | undefined;
  readonly isRunning: boolean;
}

/** Response of `GET /queue`, without the graphs. */
export const queueAnswer = z
  .object({ queue_running: z.array(listedPrompt), queue_pending: z.array(listedPrompt) })
  .transform(({ queue_running, queue_pending }): QueuedPrompt[] => [
    ...queue_running.map((prompt) => ({ ...prompt, isRunning: true })),
    ...queue_pending.map((prompt) => ({ ...prompt, isRunning: false })),
  ]);

/** Response of `GET /system_stats`; only the version is used. */
export const systemStats = z.object({
  system: z.object({ comfyui_version: cut(MAX_VERSION).optional() }).optional(),
});

const nodeInfo = z.object({
  input: z.object({
    required: z.record(z.string(), z.array(z.unknown())).optional(),
    optional: z.record(z.string(), z.array(z.unknown())).optional(),
  }),
  output_node: z.boolean().optional().catch(undefined),
});

export type NodeInfo = z.output<typeof nodeInfo>;

/** Response of `GET /object_info/{class}`: `{}` for a class that the instance does not have. */
export const objectInfoAnswer = z.record(z.string(), nodeInfo);
