import { ownText } from '../../utils/ownText.js';
import type { GraphValue, PromptGraph } from '../graph.js';
import { GraphView } from './GraphView.js';
import { freeName, nameFromTitle } from './inputNames.js';
import { fileFields } from './loaders.js';
import { MAX_INPUTS, type Manifest, type ManifestInput, type Target } from './manifest.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';
import { type FoundOutput, findOutputs } from './outputs.js';
import { isOpenNumber, isPlaceholder } from './placeholders.js';
import { Secrets } from './secrets.js';
import { type FoundSetting, findSeeds, findSettings, numberOf } from './settings.js';
import { type FoundText, TextFinder } from './TextFinder.js';
import { invalidWorkflow } from './workflowError.js';

/**
 * Derives a manifest for a graph without one. Outputs are the nodes that save, or those that preview if nothing is
 * saved. Inputs come from the nodes that the outputs need: file loaders, the texts behind positive and negative
 * conditioning, all seeds as one, and the usual numbers.
 * @param infoOf what a machine reports about its classes; it reveals loaders and savers of custom nodes
 * @throws AppError `INVALID_WORKFLOW` if no node saves or previews anything, or if there are more inputs or outputs than a manifest may
 * have
 */
export function deriveManifest(graph: PromptGraph, infoOf: NodeLookup = noNodeInfo): Manifest {
  return new Derivation(graph, infoOf).manifest();
}

/** Names the outputs by the node's own title, or else by what the node most likely makes. */
export function nameOutputs(view: GraphView, found: readonly FoundOutput[]): Map<string, { node: string }> {
  const outputs = new Map<string, { node: string }>();
  /** How often a name was wanted: trying all lower numbers each time would take long for many outputs. */
  const counts = new Map<string, number>();
  for (const { id, sort } of found) {
    const wanted = nameOf(view, id) ?? sort;
    const count = (counts.get(wanted) ?? 0) + 1;
    counts.set(wanted, count);
    outputs.set(
      freeName(wanted, (one) => outputs.has(one), count),
      { node: id },
    );
  }
  return outputs;
}

function nameOf(view: GraphView, id: string): string | undefined {
  const title = view.ownTitle(id);
  return title === undefined ? undefined : nameFromTitle(title);
}

class Derivation {
  readonly #graph: PromptGraph;
  readonly #view: GraphView;
  readonly #inputs = new Map<string, ManifestInput>();
  readonly #outputs = new Map<string, { node: string }>();
  readonly #taken = new Set<string>();
  readonly #secrets: Secrets;

  constructor(graph: PromptGraph, infoOf: NodeLookup) {
    this.#graph = graph;
    this.#view = new GraphView(graph, infoOf);
    this.#secrets = new Secrets(graph);
  }

  manifest(): Manifest {
    this.#addOutputs();
    const needed = this.#view.neededBy([...this.#outputs.values()].map(({ node }) => node));
    this.#addFiles(needed);
    const { positive, negative } = new TextFinder(this.#view, needed, this.#secrets).find();
    this.#addTexts('prompt', positive);
    this.#addTexts('negative_prompt', negative);
    const seeds = findSeeds(this.#view, needed);
    if (seeds.length > 0) this.#add('seed', { kind: 'seed', targets: seeds });
    for (const found of findSettings(this.#view, needed)) this.#addSetting(found);
    return { inputs: this.#inputs, outputs: this.#outputs };
  }

  #addOutputs(): void {
    const found = findOutputs(this.#view);
    if (found.length === 0) {
      throw invalidWorkflow(
        'The graph has no known node that saves or previews a result. List its outputs in a manifest.',
      );
    }
    for (const [name, output] of nameOutputs(this.#view, found)) this.#outputs.set(name, output);
  }

  #addFiles(needed: ReadonlySet<string>): void {
    for (const [id, node] of this.#graph) {
      if (!needed.has(id)) continue;
      for (const { field, kind } of fileFields(node, this.#view.infoOf(node.classType))) {
        this.#add(this.#nameOf(id) ?? kind, { kind, targets: [{ node: id, field }] });
      }
    }
  }

  #addTexts(usual: string, texts: readonly FoundText[]): void {
    for (const { name = usual, targets } of texts) {
      this.#add(this.#furtherName(name, targets), {
        kind: 'text',
        targets,
        ...requiredIf(isPlaceholder(this.#valueAt(targets[0]))),
      });
    }
  }

  #addSetting({ setting, targets }: FoundSetting): void {
    const { name, kind, minimum, maximum, step } = setting;
    const value = this.#valueAt(targets[0]);
    const own = numberOf(value);
    const low = minimum !== undefined && !(own < minimum) ? { minimum } : {};
    const high = maximum !== undefined && !(own > maximum) ? { maximum } : {};
    this.#add(this.#furtherName(name, targets), {
      kind,
      targets,
      ...low,
      ...high,
      ...(step !== undefined && { step }),
      ...requiredIf(isOpenNumber(value)),
    });
  }

  /** The first input of a kind has the usual name; further ones are named after their node. */
  #furtherName(usual: string, [first]: readonly Target[]): string {
    const title = this.#inputs.has(usual) && first ? this.#nameOf(first.node) : undefined;
    if (title === undefined) return usual;
    return title.includes(usual) ? title : `${title}_${usual}`;
  }

  #add(name: string, input: Omit<ManifestInput, 'title'>): void {
    const targets = input.targets.filter((target) => {
      const key = JSON.stringify([target.node, target.field]);
      const isOpen = !this.#taken.has(key) && !this.#secrets.has(target);
      this.#taken.add(key);
      return isOpen;
    });
    const [first] = targets;
    if (first === undefined) return;
    if (this.#inputs.size === MAX_INPUTS) {
      throw invalidWorkflow(
        `The graph has more than ${MAX_INPUTS} files and values that clients could change. List its inputs in a manifest.`,
      );
    }
    const title = this.#view.ownTitle(first.node);
    this.#inputs.set(
      freeName(name, (one) => this.#inputs.has(one)),
      {
        ...input,
        targets,
        ...(title !== undefined && targets.length === 1 && { title: ownText(title.slice(0, 200)) }),
      },
    );
  }

  #nameOf(id: string): string | undefined {
    return nameOf(this.#view, id);
  }

  #valueAt(target: Target | undefined): GraphValue | undefined {
    return target && this.#graph.get(target.node)?.inputs.get(target.field);
  }
}

/** A value that is still to be filled in is not a default. */
function requiredIf(isOpen: boolean): { required?: true } {
  return isOpen ? { required: true } : {};
}
