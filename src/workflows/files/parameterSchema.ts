import { z } from 'zod';
import type { ManifestInput, Scalar } from './manifest.js';
import { MAX_TEXT_LENGTH, rangeOf, readParameter } from './readParameter.js';

/**
 * The schema of one parameter. It accepts form values (text) and JSON values, and returns the value for the graph, or
 * undefined to keep the graph's own value.
 * @param own the graph's own value, for the documents; omitted if there is none, or if it is secret
 */
export function parameterSchema(input: ManifestInput, own: Scalar | undefined): z.ZodType {
  const check = (payload: z.core.ParsePayload): void => {
    const reading = readParameter(payload.value, input);
    if ('value' in reading) payload.value = reading.value;
    else payload.issues.push({ code: 'custom', message: reading.problem, input: payload.value });
  };
  return leaveOut(input, check).meta(jsonSchema(input, own));
}

/**
 * An optional parameter, in a form that the documents understand. The check also changes the value: with a transform
 * instead, zod would omit default and examples in the documents.
 */
function leaveOut(input: ManifestInput, check: (payload: z.core.ParsePayload) => void): z.ZodType {
  if (input.required === true) return z.unknown().check(check);
  if (input.default === undefined) return z.unknown().optional().check(check);
  const reading = readParameter(undefined, input);
  return z
    .unknown()
    .check(check)
    .default('value' in reading ? reading.value : undefined);
}

/**
 * The documentation of the parameter. JavaScript rounds a limit beyond 2^53: `x-minimum` and `x-maximum` have its exact digits.
 * `x-kind` is the kind in the manifest, and `step` the step of a slider; values in between are accepted, too.
 */
function jsonSchema(input: ManifestInput, own: Scalar | undefined): Record<string, unknown> {
  const { kind, title, description, step } = input;
  const isSeed = kind === 'seed';
  const isRandom = isSeed && input.required !== true && input.default === undefined;
  const { minimum, maximum } = rangeOf(input);
  const usual = input.default ?? (isSeed || input.required === true ? undefined : own);
  const isExample = usual === undefined && own !== undefined;
  const fields = {
    ...typeFields(input),
    title,
    description: isRandom ? seedDescription(description) : description,
    minimum: minimum === undefined ? undefined : Number(minimum),
    maximum: maximum === undefined ? undefined : Number(maximum),
    'x-minimum': exactText(minimum),
    'x-maximum': exactText(maximum),
    maxLength: kind === 'text' ? (input.maxLength ?? MAX_TEXT_LENGTH) : undefined,
    default: shown(usual),
    examples: isExample ? [shown(own)] : undefined,
    // A seed with a default is not random.
    'x-kind': isSeed && input.default !== undefined ? 'integer' : kind,
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

/** The digits of a limit that is not exact as a number. */
function exactText(limit: number | bigint | undefined): string | undefined {
  return typeof limit === 'bigint' && !Number.isSafeInteger(Number(limit)) ? String(limit) : undefined;
}

function seedDescription(description: string | undefined): string {
  return [description, 'Omitted or -1: random, and returned with the result.'].filter(Boolean).join(' ');
}

/** A value that JSON Schema can represent. */
function shown(value: Scalar | undefined): string | number | boolean | undefined {
  return typeof value === 'bigint' ? Number(value) : value;
}
