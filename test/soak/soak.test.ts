import { expect, it } from 'vitest';
import type { QueueKind } from '../support/QueueKind.js';
import { requireRedis } from '../support/RedisServer.js';
import { checkIntegrity } from './integrity.js';
import { soak } from './soak.js';

async function expectBalance(queue: QueueKind): Promise<void> {
  const { balance, mischief } = await soak({ seconds: 8, seed: 1, queue });
  expect(balance.wrong).toEqual([]);
  expect(balance.completed).toBeGreaterThan(0);
  expect(Object.keys(mischief).length).toBeGreaterThan(0);
}

it('8 seconds of random jobs, cancels, hang-ups and faults balance', () => expectBalance('memory'), 120_000);

it.runIf(requireRedis())('they balance with the queue in Redis, too', () => expectBalance('redis'), 120_000);

it('60 distinct pictures each come back as themselves, whatever is shared, deleted, killed and restarted', async () => {
  const report = await checkIntegrity({ jobs: 60, seed: Date.now() % 1_000_000 });
  expect(report.wrong).toEqual([]);
  expect(report).toMatchObject({ jobs: 60, serverRestarts: 1, needlessExecutions: 0 });
  expect(report.completed).toBeGreaterThan(20);
}, 180_000);
