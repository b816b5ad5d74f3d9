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
  readonly #consumers = new Map<string, Consumer[]>();
  readonly #titles = new Map<string, number>();

  constructor(graph: PromptGraph, infoOf: NodeLookup = noNodeInfo) {
    this.graph = graph;
    this.infoOf = infoOf;
    for (const [id, node] of graph) {
      const title = titleOf(node);
      if (title !== undefined) this.#titles.set(title, (this.#titles.get(title) ?? 0) + 1);
      for (const [field, [source, slot]] of linksOf(node)) {
        const consumers = this.#consumers.get(source) ?? [];
        consumers.push({ id, field, slot });
        this.#consumers.set(source, consumers);
      }
    }
  }

  /** The inputs that are linked to this node. */
  consumersOf(id: string): readonly Consumer[] {
    return this.#consumers.get(id) ?? [];
  }

  /** Every node that these nodes need, including themselves. */
  neededBy(ids: Iterable<string>): ReadonlySet<string> {
    const needed = new Set<string>();
    const waiting = [...ids];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const node = this.graph.get(id);
      if (node === undefined || needed.has(id)) continue;
      needed.add(id);
      for (const [, [source]] of linksOf(node)) waiting.push(source);
    }
    return needed;
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
