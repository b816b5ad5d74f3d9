import { type GraphNode, linkOf } from '../graph.js';
import type { GraphView } from './GraphView.js';

/** The purpose of a text: what the image should show, or what it should not. */
export type Side = 'positive' | 'negative';

/** Nodes that take and return both sides, but not in slots 0 and 1. */
const SLOTS = new Map<string, Readonly<Record<number, Side>>>([
  ['ApplyInstantID', { 1: 'positive', 2: 'negative' }],
  ['ApplyInstantIDAdvanced', { 1: 'positive', 2: 'negative' }],
  ['Efficient Loader', { 1: 'positive', 2: 'negative' }],
  ['Eff. Loader SDXL', { 1: 'positive', 2: 'negative' }],
  ['Context (rgthree)', { 4: 'positive', 5: 'negative' }],
  ['Context Big (rgthree)', { 4: 'positive', 5: 'negative' }],
  ['FromBasicPipe', { 3: 'positive', 4: 'negative' }],
  ['FromBasicPipe_v2', { 4: 'positive', 5: 'negative' }],
]);

const CONDITIONING =
  /^(conditioning|cond|guider|positive|negative|c|.*embeds)(_?(\w{1,2}|to|from|positive|negative))?$/i;
const BUNDLE = /pipe|context|ctx|bundle/i;

/** A step from a node towards the source of its conditioning. */
interface Way {
  readonly field: string;
  /** The link carries both sides. */
  readonly isBundle: boolean;
}

/** Whether a node takes both sides, as links or as texts. */
export function takesBoth(node: GraphNode): boolean {
  return node.inputs.has('positive') && node.inputs.has('negative');
}

/** The sides that the output slots of nodes with both sides carry. */
export class Sides {
  readonly #view: GraphView;
  /** By node: whether it has conditioning in slot 2 or later. */
  readonly #hasOtherSlots = new Map<string, boolean>();

  constructor(view: GraphView) {
    this.#view = view;
  }

  /** @param wanted the side it is used for, if the slot does not tell */
  at(id: string, node: GraphNode, slot: number, wanted: Side): Side {
    const known = SLOTS.get(node.classType);
    if (known !== undefined) return known[slot] ?? wanted;
    const name = String(this.#view.infoOf(node.classType)?.output_name?.[slot] ?? '').toLowerCase();
    if (name.includes('positive')) return 'positive';
    if (name.includes('negative')) return 'negative';
    // With conditioning in slot 2 or later, the outputs do not start with the two sides.
    if (slot > 1 || this.#isWithOthers(id)) return wanted;
    return slot === 0 ? 'positive' : 'negative';
  }

  #isWithOthers(id: string): boolean {
    const known =
      this.#hasOtherSlots.get(id) ??
      this.#view
        .consumersOf(id)
        .some(({ slot, field }) => slot > 1 && /^(positive|negative|conditioning)$/.test(field));
    this.#hasOtherSlots.set(id, known);
    return known;
  }
}

/** The inputs through which a node that is not an encoder gets its conditioning. */
export function waysOn(node: GraphNode): readonly Way[] {
  const linked = [...node.inputs].filter(([, value]) => linkOf(value) !== undefined).map(([field]) => field);
  const conditioning = linked.filter((field) => CONDITIONING.test(field));
  if (conditioning.length > 0) return conditioning.map((field) => ({ field, isBundle: false }));
  const bundles = linked.filter((field) => BUNDLE.test(field));
  if (bundles.length > 0) return bundles.map((field) => ({ field, isBundle: true }));
  // Such as Reroute, whose only input may have any name.
  return linked.length === 1 ? linked.map((field) => ({ field, isBundle: false })) : [];
}
