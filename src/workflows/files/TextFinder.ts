import { type GraphNode, linkOf, type NodeLink } from '../graph.js';
import { type Side, sideAt, takesBoth, waysOn } from './conditioning.js';
import { type GraphView, linksOf } from './GraphView.js';
import type { Target } from './manifest.js';
import { isSecret } from './secrets.js';

/** A text of the graph: one field, or several with the same text. */
export interface FoundText {
  readonly targets: readonly Target[];
  /** Its name if it is not a prompt, such as the lyrics of a song. */
  readonly name?: string;
}

/** Fields of encoders that all get the same prompt, in several variants for the text encoders of the model. */
const PROMPT_FIELDS =
  /^(text|prompt|positive_prompt|user_prompt|caption|tags|text_[gl]|clip_[gl]|t5xxl|llama|qwen\w*|gemma\w*|mt5\w*|bert|pos(itive)?_?(text|prompt)|text_?positive)$/i;
const NEGATIVE_FIELDS = /^(negative_prompt|neg(ative)?_?(text|prompt)|text_?negative)$/i;
const OTHER_TEXTS = /^lyrics$/i;
/** Fields of nodes that only hold or change a text. */
const SOURCE_FIELDS =
  /^(value|text|string|prompt|content|input|source|any|anything|positive|user_prompt|wildcard_text|multiline\w*|(text|string|prompt|input)_?(\d{1,2}|[a-z]|positive|negative))?$/i;
const SAMPLING_FIELDS = ['seed', 'noise_seed', 'steps', 'sampler', 'sampler_name', 'latent_image'];

/**
 * Finds the texts behind the samplers' conditioning by following links. A node with both sides is followed on the
 * side that its output slot carries.
 */
export class TextFinder {
  readonly #view: GraphView;
  readonly #needed: ReadonlySet<string>;
  readonly #visited = new Set<string>();
  readonly #reached = new Set<string>();
  readonly #found: Record<Side, FoundText[]> = { positive: [], negative: [] };

  /** @param needed the nodes that the outputs need; all others are ignored */
  constructor(view: GraphView, needed: ReadonlySet<string>) {
    this.#view = view;
    this.#needed = needed;
  }

  /** The texts of both sides, each once. A text that is used for both is positive. */
  find(): { positive: readonly FoundText[]; negative: readonly FoundText[] } {
    const nodes = [...this.#view.graph].filter(([id]) => this.#needed.has(id));
    for (const [id, node] of nodes.filter(([, node]) => samples(node))) this.#startAt(id, node);
    for (const [id, node] of nodes) if (!this.#reached.has(id)) this.#startAt(id, node);
    if (this.#found.positive.length === 0)
      for (const [id, node] of nodes) this.#takeFields(id, node, 'positive');
    const taken = new Set<string>();
    const fresh = (texts: readonly FoundText[]): FoundText[] =>
      texts.flatMap((text) => withoutTaken(text, taken));
    const positive = this.#merged(fresh(this.#found.positive));
    return { positive, negative: this.#merged(fresh(this.#found.negative)) };
  }

  /** A sampler or a guider, or a node whose own fields are the two texts. */
  #startAt(id: string, node: GraphNode): void {
    this.#reached.add(id);
    this.#take(id, node, 'positive', 'positive');
    this.#take(id, node, 'negative', 'negative');
    if (/guider|sampler/i.test(node.classType)) {
      for (const field of ['conditioning', 'cond1', 'cond2']) this.#take(id, node, field, 'positive');
    }
    for (const field of node.inputs.keys()) {
      if (NEGATIVE_FIELDS.test(field)) this.#takeFields(id, node, 'negative');
      else if (/^pos(itive)?_?prompt$/i.test(field)) this.#takeFields(id, node, 'positive');
    }
  }

  /** Follows one input of a node, or takes its text. */
  #take(id: string, node: GraphNode, field: string, side: Side, isBundle = false): void {
    const value = node.inputs.get(field);
    const link = linkOf(value);
    if (link !== undefined) this.#follow(link, side, isBundle);
    else if (typeof value === 'string') this.#add(side, [{ node: id, field }]);
  }

  #follow([id, slot]: NodeLink, side: Side, isBundle: boolean): void {
    const node = this.#view.graph.get(id);
    const step = `${id} ${slot} ${side} ${isBundle}`;
    if (node === undefined || this.#visited.has(step)) return;
    this.#visited.add(step);
    this.#reached.add(id);
    // It is derived from the positive text.
    if (side === 'negative' && node.classType === 'ConditioningZeroOut') return;
    if (takesBoth(node)) {
      const at = isBundle ? side : sideAt(this.#view, id, node, slot, side);
      this.#take(id, node, at, side);
      return;
    }
    const isEncoder = this.#takeFields(id, node, side);
    const ways = waysOn(node).filter(({ field }) => !isEncoder || field.startsWith('cond'));
    for (const way of ways) this.#take(id, node, way.field, side, isBundle || way.isBundle);
  }

  /** Takes the texts of an encoder. @returns whether it has any */
  #takeFields(id: string, node: GraphNode, side: Side): boolean {
    const isSides = [...node.inputs.keys()].some((field) => NEGATIVE_FIELDS.test(field));
    const prompts = side === 'negative' && isSides ? NEGATIVE_FIELDS : PROMPT_FIELDS;
    const targets = this.#textFields(id, node, prompts);
    if (targets.length === 0) return false;
    this.#add(side, targets);
    for (const target of this.#textFields(id, node, OTHER_TEXTS)) this.#add(side, [target], target.field);
    return true;
  }

  /** The sources of these texts: the fields themselves, or those of the linked nodes. */
  #textFields(id: string, node: GraphNode, pattern: RegExp): readonly Target[] {
    return [...node.inputs].flatMap(([field, value]): readonly Target[] => {
      if (!pattern.test(field)) return [];
      const link = linkOf(value);
      if (link !== undefined)
        return this.#sourceOf(link, NEGATIVE_FIELDS.test(field) ? 'negative' : 'positive');
      return typeof value === 'string' ? [{ node: id, field }] : [];
    });
  }

  /** The text at the end of a chain of nodes that hold, join or show texts. */
  #sourceOf([id, slot]: NodeLink, side: Side, visited: ReadonlySet<string> = new Set()): readonly Target[] {
    const node = this.#view.graph.get(id);
    if (node === undefined || visited.has(id)) return [];
    const wanted = slot === 1 || side === 'negative' ? NEGATIVE_FIELDS : PROMPT_FIELDS;
    const hasSides = [...node.inputs.keys()].some((field) => NEGATIVE_FIELDS.test(field));
    const pattern = hasSides ? wanted : SOURCE_FIELDS;
    for (const [field, link] of linksOf(node)) {
      const source = pattern.test(field) ? this.#sourceOf(link, side, new Set([...visited, id])) : [];
      if (source.length > 0) return source;
    }
    const fields = [...node.inputs].filter(
      ([field, value]) => pattern.test(field) && typeof value === 'string',
    );
    const [field] = fields.find(([, value]) => value !== '') ?? fields[0] ?? [];
    return field === undefined ? [] : [{ node: id, field }];
  }

  #add(side: Side, targets: readonly Target[], name?: string): void {
    const open = targets.filter(({ node, field }) => !isSecret(this.#view.graph, node, field));
    // An encoder's empty field stays empty if another one has the text.
    const filled = open.filter((target) => this.#textAt(target) !== '');
    const kept = filled.length > 0 ? filled : open;
    if (kept.length > 0) this.#found[side].push({ targets: kept, ...(name !== undefined && { name }) });
  }

  /** One text if several nodes have exactly the same. */
  #merged(texts: readonly FoundText[]): readonly FoundText[] {
    const byText = new Map<string, FoundText>();
    for (const text of texts) {
      const key = JSON.stringify([text.name, ...text.targets.map((target) => this.#textAt(target))]);
      const same = byText.get(key);
      byText.set(key, same ? { ...same, targets: [...same.targets, ...text.targets] } : text);
    }
    return [...byText.values()];
  }

  #textAt({ node, field }: Target): unknown {
    return this.#view.graph.get(node)?.inputs.get(field);
  }
}

function samples(node: GraphNode): boolean {
  return SAMPLING_FIELDS.some((field) => node.inputs.has(field)) || /sampler|guider/i.test(node.classType);
}

function withoutTaken(text: FoundText, taken: Set<string>): FoundText[] {
  const targets = text.targets.filter(({ node, field }) => {
    const key = JSON.stringify([node, field]);
    const isNew = !taken.has(key);
    taken.add(key);
    return isNew;
  });
  return targets.length > 0 ? [{ ...text, targets }] : [];
}
