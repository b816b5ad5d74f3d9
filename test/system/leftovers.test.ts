import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

// A file of its own: it counts what keeps its process alive, and nobody else may add to that.

/** What keeps this process alive: timers, sockets, servers, by kind. */
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
      // 200 uploads at once keep this process, in which the machines are too, busy for longer than a second.
      env: { JOB_CLEANUP_INTERVAL: '100', MAX_CONCURRENT_JOBS: '4', HEALTH_CHECK_TIMEOUT: '20000' },
    });
    const { manager, processor, instances, connections } = stack.services;
    const batch = async (count: number) => {
      const ids = await Promise.all(
        Array.from({ length: count }, async (_, n) => {
          const picture = await png({ colour: colourOf(n) });
          // Every tenth is waited for, which takes a listener and a timer while it lasts.
          if (n % 10 > 0) return stack.client.submit('remove-background', picture);
          return (await stack.client.process('remove-background', picture)).body.job_id;
        }),
      );
      await eventually(async () => {
        for (const id of ids) await stack.client.error(`/api/jobs/${id}/status`, 404);
        // Tidying up on ComfyUI goes on for a moment after the last job.
        expect(stack.simulators.flatMap(({ historyIds }) => historyIds)).toEqual([]);
      }, 25_000);
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
      // One timer more at times: a check of an instance, or the expiry's look, that is just under way.
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
