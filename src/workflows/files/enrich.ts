import { ownText } from '../../utils/ownText.js';
import type { PromptGraph } from '../graph.js';
import { isFileKind } from './inputKinds.js';
import type { Manifest, ManifestInput, Scalar } from './manifest.js';
import { choicesOf, type NodeInfo, type NodeLookup, optionsOf } from './nodeInfo.js';
import { isEmptyRange, readValue } from './readParameter.js';

/** Maximum choices taken from a machine. */
const MAX_CHOICES = 5000;
const MAX_DESCRIPTION = 2000;

/** Both kinds of prompts go to the same class of node, whose tooltip does not distinguish them. */
const PROMPTS: ReadonlyArray<readonly [name: RegExp, description: string]> = [
  [/(^|_)negative_prompt(_\d+)?$/, 'What the result should not contain.'],
  [/(^|_)prompt(_\d+)?$/, 'What the result should contain.'],
];

/** A manifest with ranges, choices and tooltips from a machine. */
export function enrichManifest(graph: PromptGraph, manifest: Manifest, infoOf: NodeLookup): Manifest {
  const inputs = [...manifest.inputs].map(([name, input]): [string, ManifestInput] => {
    const enriched = input.targets.reduce(
      (known, { node, field }) => {
        const info = infoOf(graph.get(node)?.classType ?? '');
        return info === undefined ? known : enrich(known, field, info);
      },
      described(name, input),
    );
    return [name, enriched];
  });
  return { ...manifest, inputs: new Map(inputs) };
}

function described(name: string, input: ManifestInput): ManifestInput {
  if (input.kind !== 'text' || input.description !== undefined) return input;
  const description = PROMPTS.find(([pattern]) => pattern.test(name))?.[1];
  return description === undefined ? input : { ...input, description };
}

/**
 * An input with the declarations of its node's class. Ranges are narrowed to what the node accepts, because it would
 * reject anything else. Choices and description of the manifest take precedence.
 * @param field name of the node's input
 */
function enrich(input: ManifestInput, field: string, info: NodeInfo): ManifestInput {
  const { min, max, step, tooltip } = optionsOf(info, field);
  const description = input.description ?? (typeof tooltip === 'string' ? shortened(tooltip) : undefined);
  const about = description === undefined ? input : { ...input, description };
  if (isFileKind(input.kind)) return about;
  if (input.kind === 'choice') return { ...about, choices: input.choices ?? simpleChoices(info, field) };
  if (input.kind === 'text' || input.kind === 'boolean') return about;
  const minimum = narrowest(input.minimum, bound(min), (own, machine) => own > machine);
  const maximum = narrowest(input.maximum, bound(max), (own, machine) => own < machine);
  const ownStep = input.step ?? (typeof step === 'number' && step > 0 ? step : undefined);
  const narrowed = { ...about, minimum, maximum, step: ownStep };
  // If the two ranges do not overlap, one of them is outdated: the manifest wins.
  if (isEmptyRange(narrowed)) return about;
  const isDefaultTaken = input.default === undefined || 'value' in readValue(input.default, narrowed);
  return isDefaultTaken ? narrowed : about;
}

/** JSON numbers cannot represent 2^64 - 1, ComfyUI's own limit for seeds: it arrives as 2^64, which is too large. */
function bound(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) < 2 ** 63 ? value : undefined;
}

type Bound = number | bigint;

function narrowest(
  own: Bound | undefined,
  machine: number | undefined,
  isNarrower: (own: Bound, machine: number) => boolean,
): Bound | undefined {
  if (own === undefined || machine === undefined) return own ?? machine;
  return isNarrower(own, machine) ? own : machine;
}

function simpleChoices(info: NodeInfo, field: string): readonly Scalar[] | undefined {
  const choices = choicesOf(info, field)?.filter(isScalar).slice(0, MAX_CHOICES);
  return choices !== undefined && choices.length > 0 ? choices : undefined;
}

function isScalar(value: unknown): value is Scalar {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function shortened(text: string): string | undefined {
  const line = ownText(text.trim().slice(0, MAX_DESCRIPTION));
  return line === '' ? undefined : line;
}
