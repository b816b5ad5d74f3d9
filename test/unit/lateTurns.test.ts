import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import type { MachineView } from '../../src/services/instances/scheduling/types.js';
import { waitingJob as job } from '../support/waitingJob.js';

const BOUND_MS = 120_000;
const JOB_MS = 1000;
const JOBS = 400;

interface TestClient {
  readonly id: string;
  readonly priority?: number;
  /** Number of different workflows among its jobs. */
  readonly workflows: number;
}

const OTHERS: readonly TestClient[] = Array.from({ length: 8 }, (_, n) => ({ id: `B${n}`, workflows: 1 }));

const MACHINE: MachineView = {
  id: 'm',
  freeSlots: 1,
  others: 0,
  ofServers: 0,
  canRun: () => true,
  accepts: () => true,
};

const create = () => new Scheduler({ maxPassedOverMs: BOUND_MS }, () => JOB_MS);

/** A scheduler whose clients submit 400 jobs each, one client after the other. */
function busy(clients: readonly TestClient[]): Scheduler {
  const scheduler = create();
  for (const { id, priority = 0, workflows } of clients) {
    for (let n = 0; n < JOBS; n += 1) {
      scheduler.add(job(`${id} ${n}`, { client: id, priority, workflow: `${id} ${n % workflows}` }));
    }
  }
  return scheduler;
}

/** Runs one job of a second after the other on one machine. @returns client, second and id of each */
function run(
  scheduler: Scheduler,
  seconds: number,
  first = 0,
): { client: string; second: number; id: string }[] {
  return Array.from({ length: seconds }, (_, n) => {
    const second = first + n;
    const now = second * JOB_MS;
    const assignment = scheduler.decide([MACHINE], now);
    if (!assignment) throw new Error('nothing to start');
    scheduler.begin(assignment, now);
    scheduler.end(assignment.job.id, true, now + JOB_MS, JOB_MS);
    return { client: assignment.job.client, second, id: assignment.job.id };
  });
}

/** Number of a client's starts between 120 and 360 seconds, when jobs have been skipped for longer than the bound. */
const lateStarts = (clients: readonly TestClient[], client: string) =>
  run(busy(clients), 360).filter((one) => one.client === client && one.second >= 120).length;

describe('jobs that were skipped for too long', () => {
  it.each([1, 20, JOBS])('give their client no more than its share, with %i workflows', (workflows) => {
    const share = 240 / 9;
    const starts = lateStarts([{ id: 'A', workflows }, ...OTHERS], 'A');
    expect(Math.abs(starts - share)).toBeLessThanOrEqual(2);
  });

  it.each([1, 20, JOBS])('of a low priority start one in that time, with %i workflows', (workflows) => {
    const starts = lateStarts([{ id: 'A', priority: -10, workflows }, ...OTHERS], 'A');
    expect(starts).toBe(2);
  });

  it('each get a turn of their client, the longest skipped first', () => {
    const all = run(busy([{ id: 'A', priority: -10, workflows: JOBS }, ...OTHERS]), 500);
    expect(all.filter(({ client }) => client === 'A').map(({ id }) => id)).toEqual([
      'A 0',
      'A 1',
      'A 2',
      'A 3',
    ]);
  });

  it('do not wait for those of another priority of their client', () => {
    const scheduler = busy(OTHERS);
    for (const priority of [-10, -5]) {
      for (let n = 0; n < JOBS; n += 1) {
        scheduler.add(job(`A ${priority} ${n}`, { client: 'A', priority, workflow: `A ${n}` }));
      }
    }
    // Later jobs skip them.
    for (let n = 0; n < JOBS; n += 1) scheduler.add(job(`C ${n}`, { client: 'C', workflow: 'C' }));
    const starts = run(scheduler, 240).filter(({ client }) => client === 'A');
    expect(starts.map(({ id }) => id).sort()).toEqual(['A -10 0', 'A -5 0']);
  });

  it.each([
    { workflows: 1, isLate: false },
    { workflows: JOBS, isLate: true },
  ])('have had their turn when another server starts one, with $workflows workflows', (parts) => {
    const scheduler = busy([{ id: 'A', priority: -10, workflows: parts.workflows }, ...OTHERS]);
    run(scheduler, 60);
    const started = { job: 'A 0', client: 'A', expectedMs: JOB_MS, isLate: parts.isLate };
    scheduler.hear({ machine: 'elsewhere', started }, 60 * JOB_MS);
    scheduler.remove('A 0');
    const [first] = run(scheduler, 200, 60).filter(({ client }) => client === 'A');
    expect(first?.second).toBeGreaterThanOrEqual(180);
  });
});
