import { createHash } from 'node:crypto';
import { annotatedPlace, type Folders } from './folders.js';
import type { NodeClass } from './nodeClass.js';
import type { NodeOrigin } from './ProgressState.js';
import { classOf, type Graph, inputsOf, linkSource, type NodeJson, nodeOf } from './prompt.js';
import { pythonJson } from './pythonJson.js';
import { plainText } from './pythonNumbers.js';
import type { NodeMeta } from './ResultCache.js';

/** Source id of links, inside the graph of an expanded node, that lead to the inputs of the expanded node. */
export const OWN_INPUT = '';

/** The nodes of a running prompt: those submitted and those added by expansion. */
export class PromptGraph {
  readonly #nodes: Map<string, NodeJson>;
  readonly #origins = new Map<string, NodeOrigin>();
  readonly #signatures = new Map<string, string>();
  readonly #changed = new Map<string, string | number>();
  readonly #classes: Readonly<Record<string, NodeClass>>;
  readonly #folders: Folders;

  constructor(graph: Graph, classes: Readonly<Record<string, NodeClass>>, folders: Folders) {
    this.#nodes = new Map(graph);
    this.#classes = classes;
    this.#folders = folders;
  }

  /** The given outputs and all nodes that they depend on, in the order of the prompt. */
  behind(outputs: readonly string[]): string[] {
    const found = new Set<string>();
    const left = [...outputs];
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      left.push(...this.sources(id));
    }
    return [...this.#nodes.keys()].filter((id) => found.has(id));
  }

  node(id: string): { classType: string; inputs: ReadonlyMap<string, unknown>; nodeClass: NodeClass } {
    const node = this.#nodes.get(id);
    const classType = classOf(node);
    const nodeClass = this.#classes[classType];
    if (!nodeClass) throw new Error(`There is no node ${id} in the prompt.`);
    return { classType, inputs: inputsOf(node) ?? new Map(), nodeClass };
  }

  isOutput(id: string): boolean {
    return this.node(id).nodeClass.outputNode === true;
  }

  sources(id: string): string[] {
    const found = [...this.node(id).inputs.values()].map(linkSource);
    return found.filter((source) => source !== undefined);
  }

  originOf(id: string): NodeOrigin {
    return this.#origins.get(id) ?? { display: id, parent: null };
  }

  metaOf(id: string): NodeMeta {
    const { display, parent } = this.originOf(id);
    return { node_id: id, display_node: display, parent_node: parent, real_node_id: display };
  }

  /**
   * Replaces a node by the nodes of a graph. A link to `OWN_INPUT` gets the value of the named input of the replaced node.
   * @returns the new node ids, by their ids in `graph`
   */
  expand(parent: string, graph: Graph): Map<string, string> {
    const inputsOfParent = this.node(parent).inputs;
    const ids = new Map([...graph.keys()].map((id) => [id, `${parent}.0.0.${id}`]));
    for (const [id, node] of graph) {
      const inner = ids.get(id) ?? id;
      const linked = [...(inputsOf(node) ?? [])].map(([name, value]): [string, unknown] => {
        const source = linkSource(value);
        const slot = (value as unknown[] | undefined)?.[1];
        if (source === OWN_INPUT) return [name, inputsOfParent.get(String(slot))];
        const own = source === undefined ? undefined : ids.get(source);
        return [name, own === undefined ? value : [own, slot]];
      });
      this.#nodes.set(inner, nodeOf(classOf(node), new Map(linked)));
      this.#origins.set(inner, { display: this.originOf(parent).display, parent });
    }
    return ids;
  }

  /** A hash of class, values and sources: nodes with the same signature give the same result. Ignored inputs count as well. */
  signature(id: string): string {
    const known = this.#signatures.get(id);
    if (known) return known;
    // A node that depends on itself never runs, so that its signature does not matter.
    this.#signatures.set(id, 'cycle');
    const { classType, inputs } = this.node(id);
    const hash = createHash('sha1')
      .update(classType)
      .update(`\0${this.changed(id)}`);
    for (const [name, value] of inputs) {
      const source = linkSource(value);
      const link = source === undefined ? '' : `${this.signature(source)}:${(value as unknown[])[1]}`;
      hash.update(`\0${name}=`);
      // An image can be megabytes of text: hashing it directly is faster than quoting it as JSON.
      if (typeof value === 'string') hash.update(`${value.length} `).update(value);
      else hash.update(link || pythonJson(value));
    }
    const signature = hash.digest('hex');
    this.#signatures.set(id, signature);
    return signature;
  }

  /** What else a node's result depends on, determined once per run; undefined if nothing. */
  changed(id: string): string | number | undefined {
    if (this.#changed.has(id)) return this.#changed.get(id);
    const { inputs, nodeClass } = this.node(id);
    const { neverCached } = nodeClass;
    const file = nodeClass.file?.isPlain ? undefined : nodeClass.file;
    if (!file && !neverCached) return undefined;
    const bytes = file && this.#folders.read(annotatedPlace(plainText(inputs.get(file.input))));
    // A missing file never equals another one.
    const value = bytes ? createHash('sha256').update(bytes).digest('hex') : Math.random();
    this.#changed.set(id, value);
    return value;
  }
}
