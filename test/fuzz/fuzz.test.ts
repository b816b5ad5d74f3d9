import { expect, it } from 'vitest';
import { fuzz } from './fuzz.js';
import { targets } from './targets.js';

const CASES = 300;
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);

it(`${CASES} damaged requests get no 5xx, hang nothing and leave nothing (seed ${seed})`, async () => {
  const { cases, answers } = await fuzz(CASES, seed);
  expect(cases).toBeGreaterThanOrEqual(CASES);
  for (const { name } of targets) expect(Object.keys(answers[name] ?? {}), name).not.toEqual([]);
}, 180_000);
