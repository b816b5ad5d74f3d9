import { describe, expect, it } from 'vitest';
import { requireRedis } from '../support/RedisServer.js';
import { chaos } from './chaos.js';

describe.runIf(requireRedis())('servers with QUEUE=redis', () => {
  it('end each of 60 jobs once, with its own picture, whoever is killed', async () => {
    const seed = Date.now() % 1_000_000;
    const report = await chaos({ jobs: 60, seed, paceMs: 100, killMs: 4000 });
    expect(report.wrong, `seed ${seed}`).toEqual([]);
    expect(report).toMatchObject({ jobs: 60, kills: { redis: 2 } });
    expect(report.kills.servers).toBeGreaterThan(0);
    expect(report.completed).toBeGreaterThan(50);
  }, 300_000);
});
