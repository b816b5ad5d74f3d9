import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fileInputNamed, onlyFileInputOf } from '../../src/services/submissions/fileInputs.js';
import { fingerprintOf } from '../../src/services/submissions/fingerprint.js';
import { withoutEmpty } from '../../src/services/submissions/parameterKinds.js';
import { withRandomSeed } from '../../src/services/submissions/seeds.js';
import { unknownParameters } from '../../src/services/submissions/unknownParameters.js';
import { nearestName } from '../../src/utils/nearestName.js';
import type { FileInput, FileKind } from '../../src/workflows/types.js';

const input = (name: string, kind: FileKind = 'image', required = true): FileInput => ({
  name,
  kind,
  required,
});

describe('the nearest name', () => {
  const KNOWN = ['prompt', 'negative_prompt', 'seed', 'steps', 'format', 'webhook_url'];
  it.each([
    ['promt', 'prompt'],
    ['Prompt', 'prompt'],
    ['negativePrompt', 'negative_prompt'],
    ['negative-prompt', 'negative_prompt'],
    ['sed', 'seed'],
    ['step', 'steps'],
    ['webhook', 'webhook_url'],
    ['fromat', 'format'],
  ])('of %s is %s', (name, nearest) => {
    expect(nearestName(name, KNOWN)).toBe(nearest);
  });

  it('is the first of several that are as near, and none where there are none', () => {
    expect(nearestName('ab', ['ac', 'ad'])).toBe('ac');
    expect(nearestName('ab', [])).toBeUndefined();
  });

  it('is found at once, however long the name is', () => {
    expect(nearestName('x'.repeat(1_000_000), KNOWN)).toBe('prompt');
  });
});

describe('unknown parameters', () => {
  const warnings = (given: readonly string[]) =>
    unknownParameters(given, new Set(['prompt', 'seed']), new Set(['mask']));

  it('are named, each with the nearest known name; known ones are not', () => {
    expect(warnings(['seed', 'promt'])).toEqual([
      'Unknown parameter "promt" was ignored. The nearest known name is "prompt".',
    ]);
    expect(warnings(['prompt'])).toEqual([]);
  });

  it('may be the names of files', () => {
    expect(warnings(['mask'])).toEqual(['"mask" must be a file: its text was ignored.']);
    expect(warnings(['masc'])[0]).toContain('"mask"');
  });

  it('are cut, counted and made harmless', () => {
    expect(warnings(['\u2063a\u202e\n\u0000b'])[0]).toContain('Unknown parameter "ab" ');
    const many = warnings(Array.from({ length: 50 }, (_, n) => `${'x'.repeat(500)}${n}`));
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe('30 more unknown parameters were ignored.');
    for (const warning of many) expect(warning.length).toBeLessThan(200);
  });
});

describe('a seed', () => {
  const seed = (meta: Record<string, unknown> = {}) =>
    z
      .string()
      .transform(Number)
      .optional()
      .meta({ 'x-kind': 'seed', ...meta });
  const chosen = (schema: z.ZodObject, parameters: Record<string, unknown>, part = 0.5) =>
    withRandomSeed(schema, parameters, (limit) => Math.floor(part * limit));

  it('is chosen where it was left out, the same for all that were', () => {
    const schema = z.object({ a: seed(), b: seed(), steps: z.string().optional() });
    expect(chosen(schema, { steps: '3' })).toEqual({
      parameters: { a: 2 ** 31, b: 2 ** 31, steps: '3' },
      seed: String(2 ** 31),
    });
    expect(chosen(schema, { a: 7 })).toEqual({ parameters: { a: 7, b: 2 ** 31 }, seed: String(2 ** 31) });
  });

  it('is not chosen where the client did, or where there is none', () => {
    expect(chosen(z.object({ a: seed() }), { a: 0 })).toEqual({ parameters: { a: 0 }, seed: undefined });
    expect(chosen(z.object({}), {})).toEqual({ parameters: {}, seed: undefined });
  });

  it.each([
    [{}, 0, 2 ** 32 - 1],
    [{ maximum: 99 }, 0, 99],
    [{ minimum: 5, maximum: 9 }, 5, 9],
    [{ minimum: -10, maximum: 3 }, 0, 3],
    [{ maximum: 1.8e19 }, 0, 2 ** 32 - 1],
    [{ minimum: 1 }, 1, 2 ** 32],
  ])('of %o lies between %i and %i', (meta, lowest, highest) => {
    const schema = z.object({ a: seed(meta) });
    expect(chosen(schema, {}, 0).seed).toBe(String(lowest));
    expect(chosen(schema, {}, 1 - 1e-12).seed).toBe(String(highest));
  });

  it.each([
    [[{ maximum: 99 }, { minimum: 90 }], 90, 99],
    [[{ maximum: 9 }, {}, { minimum: 9, maximum: 12 }], 9, 9],
    [
      [
        { minimum: -10, maximum: 3 },
        { minimum: -5, maximum: 5 },
      ],
      0,
      3,
    ],
    [
      [
        { minimum: -10, maximum: -3 },
        { minimum: -5, maximum: 5 },
      ],
      -5,
      -3,
    ],
    [[{ minimum: 0.5, maximum: 3.5 }, {}], 1, 3],
  ])('of several inputs, %o, lies in all their ranges', (metas, lowest, highest) => {
    const schema = z.object(Object.fromEntries(metas.map((meta, index) => [`s${index}`, seed(meta)])));
    for (const [part, expected] of [
      [0, lowest],
      [1 - 1e-12, highest],
    ] as const) {
      const { parameters, ...told } = chosen(schema, {}, part);
      expect(new Set(Object.values(parameters))).toEqual(new Set([expected]));
      expect(told).toEqual({ seed: String(expected) });
    }
  });

  it('is one for each input where no number lies in all their ranges', () => {
    const schema = z.object({
      a: seed({ maximum: 99 }),
      b: seed({ minimum: 100, maximum: 199 }),
      c: seed({ minimum: -20, maximum: -11 }),
      d: seed(),
    });
    expect(chosen(schema, { d: 7 })).toEqual({
      parameters: { a: 50, b: 150, c: -15, d: 7 },
      seed: '50',
      seeds: { a: '50', b: '150', c: '-15' },
    });
  });
});

describe('a file input', () => {
  it('has its own name, and the first image is imageFile too', () => {
    const inputs = [input('clip', 'video'), input('face'), input('mask', 'mask'), input('style')];
    for (const { name } of inputs) expect(fileInputNamed(inputs, name)?.name).toBe(name);
    expect(fileInputNamed(inputs, 'imageFile')?.name).toBe('face');
    expect(fileInputNamed([input('clip', 'video')], 'imageFile')).toBeUndefined();
    expect(fileInputNamed([input('a'), input('imageFile')], 'imageFile')?.name).toBe('imageFile');
    expect(fileInputNamed(inputs, 'constructor')).toBeUndefined();
  });

  it.each<[string, readonly FileInput[], string | undefined]>([
    ['the only one', [input('a')], 'a'],
    ['the only one, though it may be left out', [input('a', 'image', false)], 'a'],
    ['the only one that must be there', [input('a', 'image', false), input('b')], 'b'],
    ['none of two that must be there', [input('a'), input('b')], undefined],
    ['none of two that may', [input('a', 'image', false), input('b', 'image', false)], undefined],
    ['none of none', [], undefined],
  ])('of a body without names is %s', (_, inputs, name) => {
    expect(onlyFileInputOf(inputs)?.name).toBe(name);
  });
});

describe('an empty parameter', () => {
  it('counts as left out, unless a manifest says that it is a text', () => {
    const schema = z.object({
      prompt: z.string().meta({ 'x-kind': 'text' }),
      steps: z.string().optional().meta({ 'x-kind': 'integer' }),
      crop: z.string().optional(),
    });
    expect(withoutEmpty({ prompt: '', steps: '', crop: '', other: '' }, schema)).toEqual({ prompt: '' });
  });

  it.each(['__proto__', 'constructor', 'toString'])('is left out too where it is called %s', (name) => {
    const given = Object.fromEntries([[name, '']]);
    expect(Object.keys(withoutEmpty(given, z.object({ steps: z.string().optional() })))).toEqual([]);
  });
});

describe('the fingerprint of a submission', () => {
  const file = (text: string) => ({ bytes: Buffer.from(text), filename: 'x' });
  const BASE = {
    type: 'a',
    parameters: { steps: 1 },
    format: 'PNG',
    webhook: undefined,
    files: new Map<string, { bytes: Buffer; filename: string } | { url: string } | { assetId: string }>([
      ['a', file('one')],
      ['b', file('two')],
    ]),
  } as const;
  const others: Array<[string, Partial<Parameters<typeof fingerprintOf>[0]>]> = [
    ['another workflow', { type: 'b' }],
    ['another parameter', { parameters: { steps: 2 } }],
    ['another format', { format: 'WEBP' }],
    ['a webhook', { webhook: { url: 'https://x', events: ['failed'], withImage: false } }],
    ['a file less', { files: new Map([['a', file('one')]]) }],
    ['other bytes', { files: new Map([...BASE.files, ['b', file('twO')]]) }],
    [
      'the files the other way round',
      {
        files: new Map([
          ['a', file('two')],
          ['b', file('one')],
        ]),
      },
    ],
    [
      'a byte that moved from one file to the next',
      {
        files: new Map([
          ['a', file('onet')],
          ['b', file('wo')],
        ]),
      },
    ],
    ['a URL', { files: new Map([...BASE.files, ['b', { url: 'https://x/1' }]]) }],
    ['another URL', { files: new Map([...BASE.files, ['b', { url: 'https://x/2' }]]) }],
    ['an asset', { files: new Map([...BASE.files, ['b', { assetId: 'https://x/1' }]]) }],
  ];

  it('is another one for everything that decides what comes of it', () => {
    const all = [BASE, ...others.map(([, other]) => ({ ...BASE, ...other }))].map(fingerprintOf);
    expect(new Set(all).size).toBe(all.length);
  });

  it('is the same whatever files are called, and in whatever order they come', () => {
    const same = new Map([
      ['b', { bytes: Buffer.from('two'), filename: 'y' }],
      ['a', file('one')],
    ]);
    expect(fingerprintOf({ ...BASE, files: same })).toBe(fingerprintOf(BASE));
  });
});
