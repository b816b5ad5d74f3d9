import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

// In a separate file: it counts the resources of its process, and no other test may add to them.

/** The resources that keep this process alive, by kind: timers, sockets, servers. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

describe('after 200 jobs, all expired', () => {
  it('nothing is left: no record, buffer, slot, lease, timer, socket or listener', async () => {
    const atFirst = resources();
    const stack = await Stack.start({
      simulators: [{}, {}],
      // 200 uploads at once keep this process, which also contains the machines, busy for more than a second.
      env: { JOB_CLEANUP_INTERVAL: '100', MAX_CONCURRENT_JOBS: '4', HEALTH_CHECK_TIMEOUT: '20000' },
    });
    const { manager, processor, instances, connections } = stack.services;
    const batch = async (count: number) => {
      const ids = await Promise.all(
        Array.from({ length: count }, async (_, n) => {
          const picture = await png({ colour: colourOf(n) });
          // The test waits for every tenth, which temporarily takes a listener and a timer.
          if (n % 10 > 0) return stack.client.submit('remove-background', picture);
          return (await stack.client.process('remove-background', picture)).body.job_id;
        }),
      );
      await eventually(async () => {
        for (const id of ids) await stack.client.error(`/api/jobs/${id}/status`, 404);
        // The cleanup on ComfyUI continues for a moment after the last job.
        expect(stack.simulators.flatMap(({ historyIds }) => historyIds)).toEqual([]);
      }, 50_000);
    };
    await batch(20);
    const before = resources();
    const listeners = manager.events.listeners;
    await batch(200);
    expect((await manager.counts()).total).toBe(0);
    const waiting = await manager.queue.size();
    expect([waiting.jobs, waiting.bytes, stack.blobs.size, processor.activeJobs]).toEqual([0, 0, 0, 0]);
    expect(instances.map(({ activeJobs }) => activeJobs)).toEqual([0, 0]);
    expect(manager.events.listeners).toBe(listeners);
    for (const { in_use } of Object.values(connections.stats())) expect(in_use).toBe(0);
    await eventually(() => {
      // Sometimes one timer more: an instance check or expiry check that is in progress.
      expect(resources()['Timeout'] ?? 0).toBeLessThanOrEqual((before['Timeout'] ?? 0) + 1);
    });
    await stack.stop();
    await eventually(() => {
      for (const kind of ['Timeout', 'TCPServerWrap', 'TCPSocketWrap']) {
        expect(resources()[kind] ?? 0, kind).toBeLessThanOrEqual(atFirst[kind] ?? 0);
      }
    });
  });
});
