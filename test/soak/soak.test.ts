import { expect, it } from 'vitest';
import { soak } from './soak.js';

it('20 seconds of random jobs, cancels, hang-ups and faults balance', async () => {
  const { balance, mischief } = await soak({ seconds: 20, seed: 1 });
  expect(balance.wrong).toEqual([]);
  expect(balance.completed).toBeGreaterThan(0);
  expect(Object.keys(mischief).length).toBeGreaterThan(0);
}, 120_000);
