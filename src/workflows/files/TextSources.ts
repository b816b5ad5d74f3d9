import type { GraphNode, NodeLink, PromptGraph } from '../graph.js';
import type { Side } from './conditioning.js';
import { linksOf } from './GraphView.js';
import type { Target } from './manifest.js';

/** Fields of encoders that all get the same prompt, in several variants for the text encoders of the model. */
export const PROMPT_FIELDS =
  /^(text|prompt|positive_prompt|user_prompt|caption|tags|text_[gl]|clip_[gl]|t5xxl|llama|qwen\w*|gemma\w*|mt5\w*|bert|pos(itive)?_?(text|prompt)|text_?positive)$/i;
export const NEGATIVE_FIELDS = /^(negative_prompt|neg(ative)?_?(text|prompt)|text_?negative)$/i;
/** Fields of nodes that only hold or change a text. */
const SOURCE_FIELDS =
  /^(value|text|string|prompt|content|input|source|any|anything|positive|user_prompt|wildcard_text|multiline\w*|(text|string|prompt|input)_?(\d{1,2}|[a-z]|positive|negative))?$/i;

/** A node whose sources are being searched. */
interface Visit {
  readonly key: string;
  readonly id: string;
  readonly node: GraphNode;
  /** Its fields that hold a text. */
  readonly pattern: RegExp;
  /** The links of these fields that are left, the next one last. */
  readonly links: NodeLink[];
}

/** Finds the fields with the texts that nodes get through links. */
export class TextSources {
  readonly #graph: PromptGraph;
  /** By node, the side of its slot, and the wanted side. Nodes without a text are remembered, too: many ways may lead to them. */
  readonly #known = new Map<string, Target | undefined>();

  constructor(graph: PromptGraph) {
    this.#graph = graph;
  }

  /**
   * The text at the end of a chain of nodes that hold, join or show texts.
   * @param side the side it is used for
   */
  at(link: NodeLink, side: Side): Target | undefined {
    const open: Visit[] = [];
    let found = this.#enter(link, side, open);
    // No recursion: a chain may be as long as the graph.
    for (let visit = open.at(-1); visit !== undefined; visit = open.at(-1)) {
      const next = found === undefined ? visit.links.pop() : undefined;
      if (next !== undefined) {
        found = this.#enter(next, side, open);
        continue;
      }
      open.pop();
      found ??= ownText(visit);
      this.#known.set(visit.key, found);
    }
    return found;
  }

  /** @returns the text behind a link if it is known. Otherwise its node is visited next. */
  #enter([id, slot]: NodeLink, side: Side, open: Visit[]): Target | undefined {
    const node = this.#graph.get(id);
    if (node === undefined) return undefined;
    const own = slot === 1 ? 'negative' : side;
    const key = JSON.stringify([id, own, side]);
    if (this.#known.has(key)) return this.#known.get(key);
    // The way back in a cycle leads to no text.
    this.#known.set(key, undefined);
    const pattern = patternOf(node, own);
    const links = linksOf(node).flatMap(([field, link]) => (pattern.test(field) ? [link] : []));
    open.push({ key, id, node, pattern, links: links.reverse() });
    return undefined;
  }
}

function patternOf(node: GraphNode, side: Side): RegExp {
  const hasSides = [...node.inputs.keys()].some((field) => NEGATIVE_FIELDS.test(field));
  if (!hasSides) return SOURCE_FIELDS;
  return side === 'negative' ? NEGATIVE_FIELDS : PROMPT_FIELDS;
}

function ownText({ id, node, pattern }: Visit): Target | undefined {
  const fields = [...node.inputs].filter(
    ([field, value]) => pattern.test(field) && typeof value === 'string',
  );
  const [field] = fields.find(([, value]) => value !== '') ?? fields[0] ?? [];
  return field === undefined ? undefined : { node: id, field };
}
