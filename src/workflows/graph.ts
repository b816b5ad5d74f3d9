/** A ComfyUI prompt: nodes by id, as this server keeps, changes and sends it. */
import { isJsonObject, type Json } from '../utils/losslessJson.js';
import { type Content, wholeOf } from '../utils/StoredFile.js';

/**
 * A client's file in a graph: its bytes, or where they are. When the prompt is sent, it becomes the name of an uploaded
 * file, or base64.
 */
export class GraphFile {
  /** What its name ends in, without the dot, such as `png`. */
  readonly extension: string;
  /** Its node takes base64 only: it is not uploaded. */
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

  /** All bytes. @throws Error where they are not in memory: `load` them first */
  get bytes(): Buffer {
    if (Buffer.isBuffer(this.#content)) return this.#content;
    throw new Error('The file is not in memory.');
  }

  /** Takes all bytes into memory: what is sent inside a prompt is there as a whole. @throws as `wholeOf` does */
  async load(): Promise<void> {
    this.#content = await wholeOf(this.#content);
  }
}

/** A link to output `slot` of node `id`. */
export type NodeLink = readonly [id: string, slot: number];

/** Value of a node's input. A link is an array of a node's id and a slot. */
export type GraphValue = Json | GraphFile;

export interface GraphNode {
  readonly classType: string;
  readonly inputs: ReadonlyMap<string, GraphValue>;
  /** What the node has beside `class_type` and `inputs`, such as `_meta`. */
  readonly others?: ReadonlyMap<string, Json>;
}

/** Nodes by id, in the order of the file. */
export type PromptGraph = ReadonlyMap<string, GraphNode>;

interface NodeLiteral {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, GraphValue>>;
}

/** A graph from an object as a workflow in TypeScript writes it. Nodes that are made already are taken as they are. */
export function graphOf(nodes: Readonly<Record<string, NodeLiteral | GraphNode>>): PromptGraph {
  return new Map(Object.entries(nodes).map(([id, node]) => [id, 'class_type' in node ? nodeOf(node) : node]));
}

/** A node from an object as a workflow in TypeScript writes it. */
function nodeOf({ class_type, inputs }: NodeLiteral): GraphNode {
  return { classType: class_type, inputs: new Map(Object.entries(inputs)) };
}

/**
 * The graph as ComfyUI's API takes it.
 * @param jsonOf what stands for a file in it, such as the name under which it was uploaded
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

/** The link that `value` is, if it is one: an array of an id and a whole number. */
export function linkOf(value: GraphValue | undefined): NodeLink | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [id, slot] = value as readonly Json[];
  if (typeof slot !== 'number' || !Number.isInteger(slot) || slot < 0) return undefined;
  if (typeof id === 'string') return [id, slot];
  return typeof id === 'number' ? [String(id), slot] : undefined;
}

/** What people call the node in ComfyUI's interface, if the file tells. */
export function titleOf(node: GraphNode): string | undefined {
  const meta = node.others?.get('_meta');
  const title = isJsonObject(meta) ? meta.get('title') : undefined;
  return typeof title === 'string' && title.trim() !== '' ? title.trim() : undefined;
}
