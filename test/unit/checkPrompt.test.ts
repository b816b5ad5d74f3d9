import { describe, expect, it } from 'vitest';
import { type Json, parseJson } from '../../src/utils/losslessJson.js';
import { checkPrompt } from '../../src/workflows/objectInfo/checkPrompt.js';
import { readObjectInfo } from '../../src/workflows/objectInfo/mergeObjectInfo.js';

const MODELS = Array.from({ length: 20_000 }, (_, n) => `model-${n}.safetensors`);
const CLASSES = readObjectInfo(
  JSON.stringify({
    Load: { input: { required: { model: [MODELS] } }, output: ['MODEL'] },
    Pass: { input: { required: { model: ['MODEL'] } }, output: ['MODEL'] },
    Save: { input: { required: { model: ['MODEL'] } }, output: [], output_node: true },
  }),
);

function check(prompt: object) {
  const json: Json = parseJson(JSON.stringify(prompt), { maxDepth: 10 });
  return checkPrompt(json as ReadonlyMap<string, Json>, CLASSES, () => undefined);
}

/** Pairs of a loader and an output. */
function pairs(count: number, model: unknown): Record<string, unknown> {
  const nodes = Array.from({ length: count }, (_, n): [string, unknown][] => [
    [`load-${n}`, { class_type: 'Load', inputs: { model } }],
    [`save-${n}`, { class_type: 'Save', inputs: { model: [`load-${n}`, 0] } }],
  ]);
  return Object.fromEntries(nodes.flat());
}

describe('the errors of a prompt', () => {
  it('do not repeat the choices of a machine without end', () => {
    const checked = check(pairs(1000, [1, 2, 3]));
    if (!('refusal' in checked)) throw new Error('It is not valid.');
    const { node_errors } = checked.refusal;
    const config = (id: string) => node_errors.get(id)?.errors[0]?.extra_info.get('input_config');
    // As in ComfyUI, the error for one bad link has the whole declaration.
    expect(config('load-0')).toEqual([MODELS, new Map()]);
    expect(node_errors.size).toBeLessThan(5);
    expect([...node_errors.values()].map((one) => one.dependent_outputs.length)).not.toContain(0);
  });

  it('are found in chains as long as Python allows, and beyond', () => {
    const chain = (length: number): Record<string, unknown> => {
      const nodes = Array.from({ length }, (_, n): [string, unknown] => [
        `pass-${n}`,
        { class_type: 'Pass', inputs: { model: [n + 1 < length ? `pass-${n + 1}` : 'load', 0] } },
      ]);
      const load = { class_type: 'Load', inputs: { model: MODELS[0] } };
      const save = { class_type: 'Save', inputs: { model: ['pass-0', 0] } };
      return { ...Object.fromEntries(nodes), load, save };
    };
    expect(check(chain(800))).toMatchObject({ outputs: ['save'], badOutputs: [] });
    const refused = check(chain(1900));
    if (!('refusal' in refused)) throw new Error('It is valid.');
    const [[id, { errors }] = ['', { errors: [] }]] = refused.refusal.node_errors;
    expect([id.startsWith('pass-'), errors.map(({ type }) => type)]).toEqual([
      true,
      ['exception_during_inner_validation'],
    ]);
  });

  it('say which of many choices there are not', () => {
    const checked = check({
      ...pairs(3, MODELS.at(-1)),
      bad: { class_type: 'Load', inputs: { model: 'x' } },
    });
    expect(checked).toMatchObject({ outputs: ['save-0', 'save-1', 'save-2'] });
    expect('refusal' in check(pairs(3, 'x'))).toBe(true);
  });
});
