import { expect, it } from 'vitest';
import { comfyTargets } from './comfyTargets.js';
import { fuzz } from './fuzz.js';
import { graphTargets } from './graphTargets.js';
import { nativeTargets } from './nativeTargets.js';
import { targets } from './targets.js';

const CASES = 300;
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);

it.each([
  ['requests get no 5xx', targets],
  ['graphs get none but of a machine', graphTargets],
  ['requests of ComfyUI’s own API get no 5xx', nativeTargets],
  ['graphs and files of the Comfy API get no 5xx', comfyTargets],
])(
  `${CASES} damaged %s, hang nothing and leave nothing (seed ${seed})`,
  async (_what, attacked) => {
    const { cases, answers } = await fuzz(attacked, CASES, seed);
    expect(cases).toBeGreaterThanOrEqual(CASES);
    for (const { name } of attacked) expect(Object.keys(answers[name] ?? {}), name).not.toEqual([]);
  },
  180_000,
);
