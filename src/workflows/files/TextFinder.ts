import { type GraphNode, linkOf, type NodeLink } from '../graph.js';
import { type Side, Sides, takesBoth, waysOn } from './conditioning.js';
import type { GraphView } from './GraphView.js';
import type { Target } from './manifest.js';
import type { Secrets } from './secrets.js';
import { NEGATIVE_FIELDS, PROMPT_FIELDS, TextSources } from './TextSources.js';

/** A text of the graph: one field, or several with the same text. */
export interface FoundText {
  readonly targets: readonly Target[];
  /** Its name if it is not a prompt, such as the lyrics of a song. */
  readonly name?: string;
}

const OTHER_TEXTS = /^lyrics$/i;
const SAMPLING_FIELDS = ['seed', 'noise_seed', 'steps', 'sampler', 'sampler_name', 'latent_image'];

/** A link towards the source of conditioning. */
interface Step {
  readonly link: NodeLink;
  readonly side: Side;
  /** The link carries both sides. */
  readonly isBundle: boolean;
}

/**
 * Finds the texts behind the samplers' conditioning by following links. A node with both sides is followed on the
 * side that its output slot carries.
 */
export class TextFinder {
  readonly #view: GraphView;
  readonly #needed: ReadonlySet<string>;
  readonly #secrets: Secrets;
  readonly #sources: TextSources;
  readonly #sides: Sides;
  readonly #visited = new Set<string>();
  /** Whether a node has texts, by side and node. */
  readonly #isEncoder = new Map<string, boolean>();
  readonly #reached = new Set<string>();
  readonly #found: Record<Side, FoundText[]> = { positive: [], negative: [] };

  /** @param needed the nodes that the outputs need; all others are ignored */
  constructor(view: GraphView, needed: ReadonlySet<string>, secrets: Secrets) {
    this.#view = view;
    this.#needed = needed;
    this.#secrets = secrets;
    this.#sources = new TextSources(view.graph);
    this.#sides = new Sides(view);
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
  #take(id: string, node: GraphNode, field: string, side: Side): void {
    const first = this.#stepFrom(id, node, field, side);
    const waiting = first ? [first] : [];
    // No recursion: a chain may be as long as the graph.
    for (let step = waiting.pop(); step !== undefined; step = waiting.pop())
      waiting.push(...this.#follow(step).toReversed());
  }

  /** @returns the step through one input of a node. A text there is taken. */
  #stepFrom(id: string, node: GraphNode, field: string, side: Side, isBundle = false): Step | undefined {
    const value = node.inputs.get(field);
    const link = linkOf(value);
    if (link !== undefined) return { link, side, isBundle };
    if (typeof value === 'string') this.#add(side, [{ node: id, field }]);
    return undefined;
  }

  /** @returns the next steps, in order */
  #follow({ link: [id, slot], side, isBundle }: Step): readonly Step[] {
    const node = this.#view.graph.get(id);
    if (node === undefined) return [];
    const isBoth = takesBoth(node);
    const at = isBoth && !isBundle ? this.#sides.at(id, node, slot, side) : side;
    // Many slots lead to the same.
    const key = JSON.stringify([id, at, side, isBundle]);
    if (this.#visited.has(key)) return [];
    this.#visited.add(key);
    this.#reached.add(id);
    // It is derived from the positive text.
    if (side === 'negative' && node.classType === 'ConditioningZeroOut') return [];
    if (isBoth) {
      const next = this.#stepFrom(id, node, at, side);
      return next ? [next] : [];
    }
    const isEncoder = this.#takeFields(id, node, side);
    return waysOn(node)
      .filter(({ field }) => !isEncoder || field.startsWith('cond'))
      .flatMap((way) => this.#stepFrom(id, node, way.field, side, isBundle || way.isBundle) ?? []);
  }

  /** Takes the texts of an encoder, once for each side. @returns whether it has any */
  #takeFields(id: string, node: GraphNode, side: Side): boolean {
    const key = JSON.stringify([side, id]);
    const known = this.#isEncoder.get(key);
    if (known !== undefined) return known;
    const isSides = [...node.inputs.keys()].some((field) => NEGATIVE_FIELDS.test(field));
    const prompts = side === 'negative' && isSides ? NEGATIVE_FIELDS : PROMPT_FIELDS;
    const targets = this.#textFields(id, node, prompts);
    const isEncoder = targets.length > 0;
    this.#isEncoder.set(key, isEncoder);
    if (!isEncoder) return false;
    this.#add(side, targets);
    for (const target of this.#textFields(id, node, OTHER_TEXTS)) this.#add(side, [target], target.field);
    return true;
  }

  /** The sources of these texts: the fields themselves, or those of the linked nodes. */
  #textFields(id: string, node: GraphNode, pattern: RegExp): readonly Target[] {
    return [...node.inputs].flatMap(([field, value]): readonly Target[] => {
      if (!pattern.test(field)) return [];
      const link = linkOf(value);
      if (link === undefined) return typeof value === 'string' ? [{ node: id, field }] : [];
      const source = this.#sources.at(link, NEGATIVE_FIELDS.test(field) ? 'negative' : 'positive');
      return source === undefined ? [] : [source];
    });
  }

  #add(side: Side, targets: readonly Target[], name?: string): void {
    const open = targets.filter((target) => !this.#secrets.has(target));
    // An encoder's empty field stays empty if another one has the text.
    const filled = open.filter((target) => this.#textAt(target) !== '');
    const kept = filled.length > 0 ? filled : open;
    if (kept.length > 0) this.#found[side].push({ targets: kept, ...(name !== undefined && { name }) });
  }

  /** One text if several nodes have exactly the same. */
  #merged(texts: readonly FoundText[]): readonly FoundText[] {
    const byText = new Map<string, FoundText & { readonly targets: Target[] }>();
    for (const text of texts) {
      const key = JSON.stringify([text.name, ...text.targets.map((target) => this.#textAt(target))]);
      const same = byText.get(key);
      if (same) same.targets.push(...text.targets);
      else byText.set(key, { ...text, targets: [...text.targets] });
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
