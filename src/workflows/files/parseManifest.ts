import { z } from 'zod';
import { plainIssue } from '../../schemas/plainIssue.js';
import { FILE_KINDS, isFileKind, VALUE_KINDS } from './inputKinds.js';
import { nameProblem } from './inputNames.js';
import { MAX_INPUTS, MAX_OUTPUTS, MAX_TARGETS, type Manifest, type ManifestInput } from './manifest.js';
import { isEmptyRange, rangeOf, readValue } from './readParameter.js';
import { invalidWorkflow, listOf, type ManifestProblem, quoted } from './workflowError.js';

const MAX_CHOICES = 5000;
const DROPPED = '__proto__';

const KINDS = [...FILE_KINDS, ...VALUE_KINDS];

const text = (length: number) => z.string().max(length, `must have at most ${length} characters`);
const integer = z.union([z.int(), z.bigint()]);
/** YAML reads an id without quotes as a number. */
const nodeId = z.union([text(200), integer.transform(String)], { error: 'must be the id of a node' });
const field = text(200);
/** YAML has no negative zero. */
const unsigned = <T>(value: T): T | 0 => (value === 0 ? 0 : value);
const number = z.union([z.number(), z.bigint()], { error: 'must be a number' }).transform(unsigned);
const scalar = z
  .union([text(20_000), z.number(), z.bigint(), z.boolean()], {
    error: 'must be a text, a number, true or false',
  })
  .transform(unsigned);
const name = z.string().superRefine((value, context) => {
  const message = nameProblem(value);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const inputSchema = z
  .strictObject({
    node: nodeId.optional(),
    field: field.optional(),
    targets: z
      .array(z.strictObject({ node: nodeId, field }))
      .min(1)
      .max(MAX_TARGETS)
      .optional(),
    kind: z.enum(KINDS, { error: `must be one of ${KINDS.join(', ')}` }),
    required: z.boolean().optional(),
    default: scalar.optional(),
    minimum: number.optional(),
    maximum: number.optional(),
    step: z.number().positive().optional(),
    max_length: z.int().positive().optional(),
    choices: z.array(scalar).min(1).max(MAX_CHOICES).optional(),
    title: text(200).optional(),
    description: text(2000).optional(),
  })
  .transform(({ node, field: name, targets, max_length, ...rest }, context): ManifestInput => {
    const single = node !== undefined && name !== undefined ? [{ node, field: name }] : undefined;
    const isOneWay = targets === undefined ? single !== undefined : node === undefined && name === undefined;
    const input = { ...rest, maxLength: max_length, targets: targets ?? single ?? [] };
    const problems = inputProblems(input);
    if (!isOneWay) problems.push(['targets', 'does not fit: give either node and field, or targets']);
    for (const [key, message] of problems) context.addIssue({ code: 'custom', path: [key], message });
    return input;
  });

const manifestSchema = z.strictObject({
  title: text(200).optional(),
  description: text(2000).optional(),
  estimate_seconds: z.number().positive().max(86_400).optional(),
  labels: z.array(text(63)).max(50).optional(),
  inputs: z.record(name, inputSchema).default({}),
  outputs: z.record(name, z.strictObject({ node: nodeId })),
});

/** Keys that do not fit together in an input: the key, and the problem. */
function inputProblems(input: ManifestInput): [string, string][] {
  const { kind, minimum, maximum } = input;
  const { minimum: lowest, maximum: highest } = rangeOf(input);
  const isNumeric = kind === 'integer' || kind === 'number' || kind === 'seed';
  const problems: [string, string][] = [];
  const onlyFor = (isFor: boolean, key: string, value: unknown) => {
    if (!isFor && value !== undefined) problems.push([key, `cannot be used with kind ${kind}`]);
  };
  onlyFor(isNumeric, 'minimum', minimum);
  onlyFor(isNumeric, 'maximum', maximum);
  onlyFor(isNumeric, 'step', input.step);
  onlyFor(kind === 'text', 'max_length', input.maxLength);
  onlyFor(kind === 'choice', 'choices', input.choices);
  onlyFor(!isFileKind(kind), 'default', input.default);
  if (lowest !== undefined && highest !== undefined && lowest > highest)
    problems.push(['maximum', `is less than minimum: ${highest} < ${lowest}`]);
  else if (isNumeric && isEmptyRange(input))
    problems.push(['maximum', 'leaves no whole number from minimum on, within ±(2^64 - 1)']);
  if (input.default !== undefined && input.required === true)
    problems.push(['default', 'cannot be used for an input that is required']);
  if (problems.length > 0 || input.default === undefined) return problems;
  const reading = readValue(input.default, input);
  return 'problem' in reading ? [['default', reading.problem]] : [];
}

/**
 * Validates a manifest.
 * @param value from YAML or JSON; integers may be bigints
 * @throws AppError `INVALID_WORKFLOW`, with details by place
 */
export function parseManifest(value: unknown): Manifest {
  const result = manifestSchema.safeParse(value, { error: plainIssue });
  const dropped = ['inputs', 'outputs'].flatMap((part) => droppedName(value, part));
  if (!result.success || dropped.length > 0) {
    const manifest = [...(result.error?.issues.flatMap(problemsOf) ?? []), ...dropped];
    const problems = manifest.map(({ path, message }) => `${path} ${message}`);
    throw invalidWorkflow(`The manifest is not valid: ${listOf(problems)}.`, { manifest });
  }
  const { estimate_seconds, inputs, outputs, ...rest } = result.data;
  const manifest = {
    ...rest,
    estimateSeconds: estimate_seconds,
    inputs: new Map(Object.entries(inputs)),
    outputs: new Map(Object.entries(outputs)),
  };
  if (manifest.outputs.size === 0) throw invalidWorkflow('The manifest lists no output.');
  if (manifest.inputs.size > MAX_INPUTS)
    throw invalidWorkflow(`The manifest has more than ${MAX_INPUTS} inputs.`);
  if (manifest.outputs.size > MAX_OUTPUTS)
    throw invalidWorkflow(`The manifest has more than ${MAX_OUTPUTS} outputs.`);
  return manifest;
}

/** The name `__proto__`, which a schema for records ignores without an issue. */
function droppedName(manifest: unknown, part: string): ManifestProblem[] {
  const named: unknown = (manifest as Readonly<Record<string, unknown>> | null | undefined)?.[part];
  if (typeof named !== 'object' || named === null || !Object.hasOwn(named, DROPPED)) return [];
  return [{ path: `${part}.${DROPPED}`, message: nameProblem(DROPPED) ?? 'must be another name' }];
}

function problemsOf(issue: z.core.$ZodIssue): ManifestProblem[] {
  const path = issue.path.map(String).join('.').slice(0, 300) || 'manifest';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path, message: `has an unknown key ${quoted(key)}` }));
  }
  const inner = issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined;
  return [{ path, message: inner ?? issue.message }];
}
