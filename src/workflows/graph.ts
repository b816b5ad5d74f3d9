/** A ComfyUI prompt: nodes by id, as the server stores, changes and sends it. */
import { isJsonObject, type Json } from '../utils/losslessJson.js';
import { type Content, wholeOf } from '../utils/StoredFile.js';

/**
 * A client's file in a graph: its bytes, or where they are stored. When the prompt is sent, it becomes the name of an
 * uploaded file, or base64.
 */
export class GraphFile {
  /** File extension without the dot, such as `png`. */
  readonly extension: string;
  /** The node takes base64 only, so the file is not uploaded. */
  readonly isInside: boolean;
  #content: Content;

  constructor(content: Content, extension: string, isInside = false) {
    this.#content = content;
    this.extension = extension;
    this.isInside = isInside;
  }

  get content(): Content {
    return this.#content;
  }

  /** All bytes. @throws Error if they are not in memory: call `load` first */
  get bytes(): Buffer {
    if (Buffer.isBuffer(this.#content)) return this.#content;
    throw new Error('The file is not in memory.');
  }

  /** Loads all bytes into memory, because they are sent inside a prompt. @throws the errors of `wholeOf` */
  async load(): Promise<void> {
    this.#content = await wholeOf(this.#content);
  }
}

/** A link to output `slot` of node `id`. */
export type NodeLink = readonly [id: string, slot: number];

/** Value of a node's input. A link is an array of a node id and a slot. */
export type GraphValue = Json | GraphFile;

export interface GraphNode {
  readonly classType: string;
  readonly inputs: ReadonlyMap<string, GraphValue>;
  /** Other keys of the node, such as `_meta`. */
  readonly others?: ReadonlyMap<string, Json>;
}

/** Nodes by id, in the order of the file. */
export type PromptGraph = ReadonlyMap<string, GraphNode>;

/** Returns all texts of a graph, except those that stand for files. */
export function textsOf(graph: PromptGraph): string[] {
  const texts = new Set<string>();
  const add = (value: GraphValue): void => {
    if (typeof value === 'string') texts.add(value);
    else if (Array.isArray(value)) value.forEach(add);
    else if (isJsonObject(value)) addAll(value);
  };
  const addAll = (values: ReadonlyMap<string, GraphValue>): void => {
    for (const [name, value] of values) {
      texts.add(name);
      add(value);
    }
  };
  for (const [id, { inputs, others }] of graph) {
    texts.add(id);
    addAll(inputs);
    if (others) addAll(others);
  }
  texts.delete('');
  return [...texts];
}

interface NodeLiteral {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, GraphValue>>;
}

/** Creates a graph from an object as TypeScript workflows write it. Existing nodes are used unchanged. */
export function graphOf(nodes: Readonly<Record<string, NodeLiteral | GraphNode>>): PromptGraph {
  return new Map(Object.entries(nodes).map(([id, node]) => [id, 'class_type' in node ? nodeOf(node) : node]));
}

/** Creates a node from an object as TypeScript workflows write it. */
function nodeOf({ class_type, inputs }: NodeLiteral): GraphNode {
  return { classType: class_type, inputs: new Map(Object.entries(inputs)) };
}

/**
 * The graph in the format of ComfyUI's API.
 * @param jsonOf the replacement of a file, such as the name of its upload
 */
export function graphJson(graph: PromptGraph, jsonOf: (file: GraphFile) => Json): ReadonlyMap<string, Json> {
  const inputJson = ([name, value]: [string, GraphValue]): [string, Json] => [
    name,
    value instanceof GraphFile ? jsonOf(value) : value,
  ];
  return new Map(
    [...graph].map(([id, { classType, inputs, others }]): [string, Json] => [
      id,
      new Map<string, Json>([
        ['inputs', new Map([...inputs].map(inputJson))],
        ['class_type', classType],
        ...(others ?? []),
      ]),
    ]),
  );
}

/** The link in `value`, if it is one: an array of an id and an integer. */
export function linkOf(value: GraphValue | undefined): NodeLink | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [id, slot] = value as readonly Json[];
  if (typeof slot !== 'number' || !Number.isInteger(slot) || slot < 0) return undefined;
  if (typeof id === 'string') return [id, slot];
  return typeof id === 'number' ? [String(id), slot] : undefined;
}

/** The node's title in ComfyUI's editor, if the file has it. */
export function titleOf(node: GraphNode): string | undefined {
  const meta = node.others?.get('_meta');
  const title = isJsonObject(meta) ? meta.get('title') : undefined;
  return typeof title === 'string' && title.trim() !== '' ? title.trim() : undefined;
}
