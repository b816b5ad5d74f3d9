import type { Json } from '../utils/losslessJson.js';
import { parseMachineJsonLosslessly } from '../utils/machineJson.js';

/** A node as submitted, with its keys in order: `class_type`, `inputs` and others such as `_meta`. */
export type NodeJson = ReadonlyMap<string, unknown>;

/** The nodes of a prompt by id, in order. */
export type Graph = ReadonlyMap<string, NodeJson>;

/** Name of a node's class; empty if it has none. */
export const classOf = (node: NodeJson | undefined): string => {
  const name = node?.get('class_type');
  return typeof name === 'string' ? name : '';
};

/** Inputs of a node by name; undefined if it has none. */
export const inputsOf = (node: NodeJson | undefined): ReadonlyMap<string, unknown> | undefined => {
  const inputs = node?.get('inputs');
  return inputs instanceof Map ? inputs : undefined;
};

/** Creates a graph from object literals. */
export function graphOf(
  nodes: Readonly<Record<string, { readonly class_type: string; readonly inputs: object }>>,
): Graph {
  const all = Object.entries(nodes).map(([id, { class_type, inputs }]) => {
    return [id, nodeOf(class_type, new Map(Object.entries(inputs)))] as const;
  });
  return new Map(all);
}

export function nodeOf(class_type: string, inputs: ReadonlyMap<string, unknown>): NodeJson {
  return new Map<string, unknown>([
    ['class_type', class_type],
    ['inputs', inputs],
  ]);
}

/** The moments of a prompt at which a trap can trigger; `upload` is the upload of its image. */
export const MOMENTS = ['upload', 'submit', 'pending', 'running', 'success', 'view'] as const;

export type Moment = (typeof MOMENTS)[number];

/** A prompt in the simulator's queue or history. */
export interface Prompt {
  readonly number: number;
  readonly id: string;
  readonly graph: Graph;
  readonly clientId: string | undefined;
  readonly extraData: ReadonlyMap<string, unknown>;
  /** Epoch ms; an older server does not note it. */
  readonly createTime: number | undefined;
  /** Ids of the output nodes. */
  readonly outputs: readonly string[];
}

/** The content of a `POST /prompt`. */
interface Submission {
  readonly prompt: ReadonlyMap<string, unknown> | undefined;
  readonly promptId: string | undefined;
  readonly clientId: string | undefined;
  readonly extraData: ReadonlyMap<string, unknown>;
  /** The only output nodes that may run; all by default. */
  readonly targets: readonly unknown[] | undefined;
}

/** Python's parser fails at this depth. */
const MAX_DEPTH = 900;

/** Parses the body of a `POST /prompt`; undefined if ComfyUI would fail on it. */
export function readSubmission(body: Buffer): Submission | undefined {
  let json: Json;
  try {
    json = parseMachineJsonLosslessly(body.toString(), { maxDepth: MAX_DEPTH });
  } catch {
    return undefined;
  }
  if (!(json instanceof Map)) return undefined;
  const [prompt, extraData = new Map()] = [json.get('prompt'), json.get('extra_data')];
  if ((prompt !== undefined && !(prompt instanceof Map)) || !(extraData instanceof Map)) return undefined;
  const text = (name: string, from: ReadonlyMap<string, unknown> = json) => {
    const value = from.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const clientId = text('client_id') ?? text('client_id', extraData);
  const said: unknown = json.get('partial_execution_targets');
  const targets = Array.isArray(said) ? said : undefined;
  const id = json.get('prompt_id');
  const promptId = typeof id === 'number' ? String(id) : text('prompt_id');
  return { prompt, promptId, clientId, extraData, targets };
}

/** A prompt as queue and history list it: complete, including its images. */
export function listed(prompt: Prompt): unknown[] {
  const extra = new Map(prompt.extraData);
  if (prompt.clientId !== undefined) extra.set('client_id', prompt.clientId);
  if (prompt.createTime !== undefined) extra.set('create_time', prompt.createTime);
  return [prompt.number, prompt.id, prompt.graph, extra, prompt.outputs];
}

/** Inputs that identify a prompt. */
const TELLING_INPUTS = ['filename_prefix', 'job'];

/**
 * The text by which a trap recognises a prompt: its id, the class names of its nodes, and the values of their inputs
 * `filename_prefix` and `job`, separated by spaces.
 */
export function descriptionOf({
  id,
  graph,
}: {
  readonly id: string;
  readonly graph: ReadonlyMap<string, unknown>;
}): string {
  const words = [...graph.values()].flatMap((node) => {
    if (!(node instanceof Map)) return [];
    const told = TELLING_INPUTS.map((name) => inputsOf(node)?.get(name));
    return [classOf(node), ...told.filter((value) => typeof value === 'string')];
  });
  return [id, ...words].join(' ');
}

/** Source node of an input that is a link; undefined for a plain value. */
export function linkSource(value: unknown): string | undefined {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' ? value[0] : undefined;
}
