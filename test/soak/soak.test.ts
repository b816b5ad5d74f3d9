import { expect, it } from 'vitest';
import type { QueueKind } from '../support/QueueKind.js';
import { requireRedis } from '../support/RedisServer.js';
import { checkIntegrity } from './integrity.js';
import { soak } from './soak.js';

async function expectBalance(queue: QueueKind): Promise<void> {
  const { balance, mischief, changes } = await soak({ seconds: 8, seed: 1, queue });
  expect(balance.wrong).toEqual([]);
  expect(balance.completed).toBeGreaterThan(0);
  expect(Object.keys(mischief).length).toBeGreaterThan(0);
  // Machines that came and went: each thing happened, and jobs ran on them.
  const { removed, ...counts } = changes;
  for (const [name, count] of Object.entries(counts)) expect([name, count > 0]).toEqual([name, true]);
  expect(removed).toBe(counts.added);
}

it(
  '8 seconds of random jobs, cancels, hang-ups, faults and machines that come and go balance',
  () => expectBalance('memory'),
  120_000,
);

it.runIf(requireRedis())('they balance with the queue in Redis, too', () => expectBalance('redis'), 120_000);

it('60 distinct pictures each come back as themselves, whatever is shared, deleted, killed and restarted', async () => {
  const seed = Date.now() % 1_000_000;
  const report = await checkIntegrity({ jobs: 60, seed });
  expect(report.wrong, `seed ${seed}`).toEqual([]);
  expect(report).toMatchObject({ jobs: 60, serverRestarts: 1, needlessExecutions: 0 });
  expect(report.completed).toBeGreaterThan(20);
}, 180_000);
