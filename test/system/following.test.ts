import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

const WORK = { workMs: { InspyrenetRembg: 30, ImageUpscaleWithModel: 30 } };
const JOBS = 40;

let stack: Stack;
afterEach(() => stack.stop());

interface Disturbances {
  before?(): void;
  during?(): Promise<void>;
}

/** Submits 40 different images at once, follows each job, and compares each result with its input. */
async function runForty(options: StackOptions = {}, disturb: Disturbances = {}) {
  stack = await Stack.start({ simulators: [WORK, WORK], ...options });
  disturb.before?.();
  const { client } = stack;
  const highest = stack.simulators.map(() => 0);
  const watch = setInterval(() => {
    stack.services.instances.forEach(({ activeJobs }, i) => {
      highest[i] = Math.max(highest[i] ?? 0, activeJobs);
    });
  }, 2);
  const ends = new Map<string, number>();
  stack.services.manager.events.subscribe('finished', ({ id }) => ends.set(id, (ends.get(id) ?? 0) + 1));
  try {
    const ids = await Promise.all(
      Array.from({ length: JOBS }, async (_, n) =>
        client.submit(
          n % 2 === 0 ? 'remove-background' : 'upscale-image',
          await png({ colour: colourOf(n * 5) }),
        ),
      ),
    );
    const disturbance = disturb.during?.();
    const statuses = await Promise.all(ids.map((id) => followed(id)));
    await disturbance;
    expect(statuses.filter(({ status }) => status !== 'completed')).toEqual([]);
    for (const [n, id] of ids.entries()) {
      expect(distance(await middle(await client.resultImage(id)), colourOf(n * 5))).toBeLessThan(8);
    }
    expect([...ends.values()]).toEqual(Array(JOBS).fill(1));
    expect(Math.max(...highest)).toBeLessThanOrEqual(2);
    return { statuses };
  } finally {
    clearInterval(watch);
  }
}

async function followed(id: string) {
  let last = 0;
  return stack.client.finished(id, ({ progress_percentage, status }) => {
    expect(progress_percentage).toBeGreaterThanOrEqual(last);
    expect(progress_percentage === 100).toBe(status === 'completed');
    last = progress_percentage;
  });
}

describe('40 jobs at once on two instances', () => {
  it('complete, each with its own picture, on both instances and never too many on one', async () => {
    const { statuses } = await runForty();
    const used = new Set(statuses.map(({ comfyui_instance }) => comfyui_instance));
    expect(used).toEqual(new Set(stack.simulators.map(({ host }) => host)));
    expect(statuses.map(({ attempts }) => attempts)).toEqual(Array(JOBS).fill(1));
  });

  it('complete by polling when every socket is mute', async () => {
    await runForty(
      {},
      {
        before: () => {
          for (const { faults } of stack.simulators) faults.muteSockets = true;
        },
      },
    );
  });

  it('complete when sockets cannot be opened at all', async () => {
    await runForty(
      {},
      {
        before: () => {
          for (const simulator of stack.simulators) {
            simulator.faults.refuseSockets = true;
            simulator.sockets.drop();
          }
        },
      },
    );
  });

  it('complete while every socket is dropped every 100 ms', async () => {
    let dropping: NodeJS.Timeout | undefined;
    const before = () => {
      dropping = setInterval(() => {
        for (const { sockets } of stack.simulators) sockets.drop();
      }, 100);
    };
    await runForty({}, { before }).finally(() => clearInterval(dropping));
  });

  it('complete when an instance dies in mid-run and does not come back', async () => {
    const { statuses } = await runForty(
      {},
      {
        during: async () => {
          await eventually(() => expect(stack.simulator(0).queueRemaining).toBeGreaterThan(0));
          await stack.simulator(0).crash();
        },
      },
    );
    expect(Math.max(...statuses.map(({ attempts }) => attempts))).toBeGreaterThan(1);
  });

  it('complete when an instance is restarted in mid-run with an empty memory', async () => {
    await runForty(
      {},
      {
        during: async () => {
          await eventually(() => expect(stack.simulator(1).queueRemaining).toBeGreaterThan(0));
          await stack.simulator(1).restart();
        },
      },
    );
  });

  it('complete on servers of the older protocol', async () => {
    const older = { ...WORK, generation: 'older' } as const;
    await runForty({ simulators: [older, older] });
  });
});

describe('jobs that wait on one instance', () => {
  const TOGETHER = 8;

  it('look at its queue, which carries all their images, once for all of them', async () => {
    stack = await Stack.start({
      simulators: [{ workMs: { InspyrenetRembg: 60_000 } }],
      env: {
        MAX_JOBS_PER_INSTANCE: String(TOGETHER),
        MAX_CONCURRENT_JOBS: String(TOGETHER),
        SHUTDOWN_TIMEOUT: '200',
      },
      overrides: { follow: { quietPollMs: 60_000, lostPollMs: 10, queueCheckMs: 60_000 } },
    });
    const { sockets, requests, faults } = stack.simulator();
    const image = await png();
    for (let n = 0; n < TOGETHER; n += 1) await stack.client.submit('remove-background', image);
    await eventually(() => expect(stack.simulator().queueRemaining).toBe(TOGETHER));
    // Each follower must now find out whether its prompt still exists.
    faults.refuseSockets = true;
    sockets.drop();
    await eventually(() => expect(requests.get('GET /history')).toBeGreaterThan(3 * TOGETHER));
    expect(requests.get('GET /queue')).toBe(1);
  });
});
