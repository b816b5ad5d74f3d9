import { z } from 'zod';
import type { Json } from '../../utils/losslessJson.js';
import { MAX_SEED } from './inputKinds.js';
import type { ManifestInput, Scalar } from './manifest.js';
import { MAX_TEXT_LENGTH, readParameter } from './readParameter.js';

/** Gives what goes into the graph, or undefined: then the graph's own value stays, or a random seed is drawn. */
export type ParameterSchema = z.ZodType<Json | undefined>;

/**
 * The schema of one parameter. It takes what forms send (text) as well as JSON values.
 * @param own the graph's own value, for documents; left out where there is none, or where it is nobody's business
 */
export function parameterSchema(input: ManifestInput, own: Scalar | undefined): ParameterSchema {
  const read = (value: unknown, context: z.RefinementCtx): Json | undefined => {
    const reading = readParameter(value, input);
    if ('value' in reading) return reading.value;
    context.addIssue({ code: 'custom', message: reading.problem, input: value });
    return z.NEVER;
  };
  // Documents list what need not be sent by whether the schema is optional.
  const sent = input.required === true ? z.unknown() : z.unknown().optional();
  return sent.transform(read).meta(jsonSchema(input, own));
}

/**
 * What documents say of the parameter. JSON Schema has numbers only: a bound beyond 2^53 is rounded there. `kind` is
 * the kind of the manifest, and `step` what a slider moves by; values in between are taken too.
 */
function jsonSchema(input: ManifestInput, own: Scalar | undefined): Record<string, unknown> {
  const { kind, title, description, step } = input;
  const isSeed = kind === 'seed';
  const minimum = input.minimum ?? (isSeed ? 0 : undefined);
  const maximum = input.maximum ?? (isSeed ? MAX_SEED : undefined);
  const usual = input.default ?? (isSeed || input.required === true ? undefined : own);
  const isExample = usual === undefined && own !== undefined;
  const fields = {
    ...typeFields(input),
    title,
    description: isSeed && input.required !== true ? seedDescription(description) : description,
    minimum: minimum === undefined ? undefined : Number(minimum),
    maximum: maximum === undefined ? undefined : Number(maximum),
    maxLength: kind === 'text' ? (input.maxLength ?? MAX_TEXT_LENGTH) : undefined,
    default: shown(usual),
    examples: isExample ? [shown(own)] : undefined,
    kind,
    step,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function typeFields({ kind, choices }: ManifestInput): Record<string, unknown> {
  switch (kind) {
    case 'choice':
      return choices === undefined ? { type: 'string' } : { enum: choices.map(shown) };
    case 'number':
    case 'boolean':
      return { type: kind };
    case 'integer':
    case 'seed':
      return { type: 'integer' };
    default:
      return { type: 'string' };
  }
}

function seedDescription(description: string | undefined): string {
  return [description, 'Left out or -1: random, and told with the result.'].filter(Boolean).join(' ');
}

/** A value as JSON Schema can have it. */
function shown(value: Scalar | undefined): string | number | boolean | undefined {
  return typeof value === 'bigint' ? Number(value) : value;
}
