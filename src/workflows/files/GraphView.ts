import { type GraphNode, linkOf, type NodeLink, type PromptGraph, titleOf } from '../graph.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';

/** An input of a node with a link. */
interface Consumer {
  readonly id: string;
  readonly field: string;
  readonly slot: number;
}

/** Default titles of classes in ComfyUI's editor, where they differ from the class name. */
const CLASS_TITLES = new Set([
  'cliptextencodeprompt',
  'loadvideoupload',
  'loadimageasmask',
  'loadcheckpoint',
  'stringmultiline',
  'previewastext',
  'sendimagewebsocket',
]);

/** A view of a graph along its links, in both directions. */
export class GraphView {
  readonly graph: PromptGraph;
  readonly infoOf: NodeLookup;
  #consumers: ReadonlyMap<string, readonly Consumer[]> | undefined;
  readonly #titles = new Map<string, number>();

  constructor(graph: PromptGraph, infoOf: NodeLookup = noNodeInfo) {
    this.graph = graph;
    this.infoOf = infoOf;
    for (const node of graph.values()) {
      const title = titleOf(node);
      if (title !== undefined) this.#titles.set(title, (this.#titles.get(title) ?? 0) + 1);
    }
  }

  /** The inputs that are linked to this node. */
  consumersOf(id: string): readonly Consumer[] {
    this.#consumers ??= consumersIn(this.graph);
    return this.#consumers.get(id) ?? [];
  }

  /** See the function `neededBy`. */
  neededBy(ids: Iterable<string>): ReadonlySet<string> {
    return neededBy(this.graph, ids);
  }

  /** The title that a user gave to this node only. */
  ownTitle(id: string): string | undefined {
    const node = this.graph.get(id);
    const title = node && titleOf(node);
    if (node === undefined || title === undefined || this.#titles.get(title) !== 1) return undefined;
    return this.#isTitleOfClass(title, node.classType) ? undefined : title;
  }

  #isTitleOfClass(title: string, classType: string): boolean {
    const letters = lettersOf(title);
    if (title === this.infoOf(classType)?.display_name) return true;
    return letters !== '' && (lettersOf(classType).includes(letters) || CLASS_TITLES.has(letters));
  }
}

function consumersIn(graph: PromptGraph): ReadonlyMap<string, readonly Consumer[]> {
  const all = new Map<string, Consumer[]>();
  for (const [id, node] of graph) {
    for (const [field, [source, slot]] of linksOf(node)) {
      const consumers = all.get(source) ?? [];
      consumers.push({ id, field, slot });
      all.set(source, consumers);
    }
  }
  return all;
}

/**
 * Every node that these nodes need, including themselves. Each one follows all nodes that need it, except in a cycle, which ComfyUI
 * does not run.
 */
export function neededBy(graph: PromptGraph, ids: Iterable<string>): ReadonlySet<string> {
  const seen = new Set<string>();
  const done: string[] = [];
  const open: { readonly id: string; readonly sources: string[] }[] = [];
  const enter = (id: string): void => {
    const node = graph.get(id);
    if (node === undefined || seen.has(id)) return;
    seen.add(id);
    open.push({ id, sources: linksOf(node).map(([, [source]]) => source) });
  };
  for (const start of ids) {
    enter(start);
    // No recursion: a chain may be as long as the graph.
    for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
      const source = last.sources.pop();
      if (source !== undefined) {
        enter(source);
        continue;
      }
      open.pop();
      done.push(last.id);
    }
  }
  return new Set(done.reverse());
}

/** The linked inputs of a node. */
export function linksOf(node: GraphNode): [field: string, link: NodeLink][] {
  const links: [string, NodeLink][] = [];
  for (const [field, value] of node.inputs) {
    const link = linkOf(value);
    if (link !== undefined) links.push([field, link]);
  }
  return links;
}

function lettersOf(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
