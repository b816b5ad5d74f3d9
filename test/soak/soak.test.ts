import { expect, it } from 'vitest';
import { checkIntegrity } from './integrity.js';
import { soak } from './soak.js';

it('8 seconds of random jobs, cancels, hang-ups and faults balance', async () => {
  const { balance, mischief } = await soak({ seconds: 8, seed: 1 });
  expect(balance.wrong).toEqual([]);
  expect(balance.completed).toBeGreaterThan(0);
  expect(Object.keys(mischief).length).toBeGreaterThan(0);
}, 120_000);

it('60 distinct pictures each come back as themselves, whatever is shared, deleted, killed and restarted', async () => {
  const report = await checkIntegrity({ jobs: 60, seed: Date.now() % 1_000_000 });
  expect(report.wrong).toEqual([]);
  expect(report).toMatchObject({ jobs: 60, serverRestarts: 1, needlessExecutions: 0 });
  expect(report.completed).toBeGreaterThan(20);
}, 180_000);
