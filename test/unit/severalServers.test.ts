import { describe, expect, it } from 'vitest';
import { SLOTS } from '../../bench/scheduling/parts.js';
import { RealPolicy } from '../../bench/scheduling/policies.js';
import { randomNumbers } from '../../bench/scheduling/random.js';
import { SeveralServers } from '../../bench/scheduling/SeveralServers.js';
import { simulate } from '../../bench/scheduling/simulate.js';
import { makespan, type SmallScenario, speeds, switching } from '../../bench/scheduling/smallScenarios.js';
import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import type { MachineView } from '../../src/services/instances/scheduling/types.js';
import { waitingJob as job } from '../support/waitingJob.js';

const BOUND_MS = 60_000;
const JOB_MS = 1000;

const create = () => new Scheduler({ maxPassedOverMs: BOUND_MS }, () => JOB_MS);

/** A machine for one job at a time. @param ofServers number of its jobs that other servers started */
const view = (id: string, ofServers = 0): MachineView => ({
  id,
  freeSlots: 1 - ofServers,
  others: ofServers,
  ofServers,
  canRun: () => true,
  accepts: () => true,
});

const started = (id: string, expectedMs: number, client = 'A') => ({ job: id, client, expectedMs });

const outlookOf = (scheduler: Scheduler, id: string, machines: readonly MachineView[], now: number) =>
  scheduler.outlook(id, machines, now, () => scheduler.prospects(machines, now));

describe('a job of another server', () => {
  const MODELS = ['x'];

  /** A scheduler that knows the workflow `w`: one second, and ten to load its models, which m1 has. */
  function experienced(): Scheduler {
    const scheduler = create();
    for (const machine of ['m1', 'm2']) {
      scheduler.hear({ machine, execution: { workflow: 'w', ms: JOB_MS, loading: 'nothing' } }, 0);
    }
    scheduler.hear({ machine: 'm1', loaded: MODELS }, 0);
    scheduler.hear({ machine: 'm2', execution: { workflow: 'w', ms: 11 * JOB_MS, loading: 'first' } }, 0);
    return scheduler;
  }

  it('is waited for where its models are the right ones and it will end soon', () => {
    const scheduler = experienced();
    scheduler.hear({ machine: 'm1', started: started('theirs', 5 * JOB_MS) }, 0);
    scheduler.add(job('ours', { models: MODELS }));
    expect(scheduler.decide([view('m1', 1), view('m2')], 4000)).toBeUndefined();
    expect(outlookOf(scheduler, 'ours', [view('m1', 1), view('m2')], 4000)).toMatchObject({
      machine: 'm1',
      expectedMs: 2 * JOB_MS,
    });
  });

  it('is not waited for where it takes long', () => {
    const scheduler = experienced();
    scheduler.hear({ machine: 'm1', started: started('theirs', 60 * JOB_MS) }, 0);
    scheduler.add(job('ours', { models: MODELS }));
    expect(scheduler.decide([view('m1', 1), view('m2')], 4000)).toMatchObject({ machine: 'm2' });
  });

  it('whose end was missed does not count when no server has a slot there', () => {
    const scheduler = experienced();
    scheduler.hear({ machine: 'm1', started: started('missed', 60 * JOB_MS) }, 0);
    scheduler.add(job('ours', { models: MODELS }));
    expect(scheduler.decide([view('m1'), view('m2')], 4000)).toMatchObject({ machine: 'm1' });
  });

  it('of which this server knows nothing counts like an average one', () => {
    const scheduler = experienced();
    scheduler.add(job('ours', { models: MODELS }));
    expect(outlookOf(scheduler, 'ours', [view('m1', 1), view('m2')], 4000)).toMatchObject({
      machine: 'm1',
      expectedMs: 6 * JOB_MS,
    });
  });

  it('starts the idle time of its machine when it ends', () => {
    const scheduler = create();
    scheduler.hear({ machine: 'm1', started: started('theirs', JOB_MS) }, 0);
    scheduler.hear({ machine: 'm1', ended: 'theirs' }, JOB_MS);
    expect(scheduler.idleSince('m1')).toBe(JOB_MS);
  });

  it('uses the machine time of its client', () => {
    const scheduler = create();
    scheduler.hear({ machine: 'm1', started: started('theirs', JOB_MS) }, 0);
    scheduler.hear({ machine: 'm1', ended: 'theirs' }, JOB_MS);
    scheduler.add(job('A1'));
    scheduler.add(job('B1', { client: 'B' }));
    expect(scheduler.decide([view('m1')], JOB_MS)).toMatchObject({ job: { id: 'B1' } });
  });

  it('that has ended leaves a new client its turn before the client that used the machine', () => {
    const scheduler = create();
    scheduler.hear({ machine: 'm1', started: started('theirs', JOB_MS) }, 0);
    const execution = { workflow: 'w', ms: JOB_MS, loading: 'nothing' } as const;
    scheduler.hear({ machine: 'm1', ended: 'theirs', execution }, JOB_MS);
    scheduler.add(job('A1'));
    scheduler.add(job('B1', { client: 'B' }));
    expect(scheduler.decide([view('m1')], JOB_MS)).toMatchObject({ job: { id: 'B1' } });
  });
});

describe('three servers with one queue decide like one', () => {
  /** In virtual time; jobs arrive one after the other. */
  function compare({ scenario }: SmallScenario, seed: number): { one: number; several: number } {
    const jobs = scenario.jobs.map((one, n) => ({ ...one, arrivesAt: one.arrivesAt + 5 * n }));
    const arriving = { ...scenario, jobs };
    const one = simulate(arriving, new RealPolicy(SLOTS));
    const several = simulate(arriving, new SeveralServers(3, SLOTS, randomNumbers(seed)));
    return { one: makespan(arriving, one, true), several: makespan(arriving, several, true) };
  }

  it('with models to load, in ten orders of the jobs', () => {
    let [one, several] = [0, 0];
    for (let seed = 1; seed <= 10; seed += 1) {
      const both = compare(switching(2, 12, seed), seed);
      one += both.one;
      several += both.several;
    }
    expect(several / one).toBeLessThanOrEqual(1.1);
  });

  it.each([
    { all: [1, 5], jobs: 8 },
    { all: [1, 5], jobs: 200 },
    { all: [1, 1, 2, 5], jobs: 12 },
  ])('with $jobs jobs on machines of speeds $all', ({ all, jobs }) => {
    const { one, several } = compare(speeds(all, jobs), 1);
    expect(several / one).toBeLessThanOrEqual(1.1);
  });
});
