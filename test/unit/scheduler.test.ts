import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../src/services/instances/scheduling/Scheduler.js';
import type {
  Assignment,
  MachineView,
  Outlook,
  WaitingJob,
} from '../../src/services/instances/scheduling/types.js';
import { waitingJob as job } from '../support/waitingJob.js';

const BOUND_MS = 60_000;
const JOB_MS = 1000;

interface TestMachine {
  readonly id: string;
  /** Duration of a job, ms. */
  ms?: number;
  readonly loadMs?: number;
  readonly slots?: number;
  readonly others?: number;
  /** Number of jobs of other servers. */
  ofServers?: number;
  readonly workflows?: readonly string[];
  readonly maxBytes?: number;
}

/** A fleet in virtual time with a scheduler: each machine executes one job after the other. */
class Fleet {
  readonly scheduler = new Scheduler({ maxPassedOverMs: BOUND_MS }, () => JOB_MS);
  readonly begun: { assignment: Assignment; at: number }[] = [];
  now = 0;
  readonly #machines: {
    readonly machine: TestMachine;
    readonly queue: { id: string; endsAt: number }[];
    loaded: string;
  }[];

  constructor(machines: readonly TestMachine[]) {
    this.#machines = machines.map((machine) => ({ machine, queue: [], loaded: '' }));
  }

  get views(): MachineView[] {
    return this.#machines.map(({ machine, queue }) => ({
      id: machine.id,
      freeSlots: (machine.slots ?? 1) - queue.length,
      others: (machine.others ?? 0) + (machine.ofServers ?? 0),
      ofServers: machine.ofServers ?? 0,
      canRun: (workflow) => machine.workflows?.includes(workflow) ?? true,
      accepts: (bytes) => bytes <= (machine.maxBytes ?? Number.POSITIVE_INFINITY),
    }));
  }

  outlook(id: string): Outlook | undefined {
    const { scheduler, views, now } = this;
    return scheduler.outlook(id, views, now, () => scheduler.prospects(views, now));
  }

  add(...jobs: WaitingJob[]): void {
    for (const one of jobs) this.scheduler.add({ ...one, enqueuedAt: this.now });
  }

  /** Starts all jobs that can start now. @returns `job on machine` of each */
  give(): string[] {
    const given: string[] = [];
    for (;;) {
      const assignment = this.scheduler.decide(this.views, this.now);
      if (!assignment) return given;
      this.#begin(assignment);
      given.push(`${assignment.job.id} on ${assignment.machine}`);
    }
  }

  /** Advances to the end of the next job, and starts what can start. @returns false if nothing runs */
  next(): boolean {
    const busy = this.#machines.filter(({ queue }) => queue.length > 0);
    busy.sort((one, other) => (one.queue[0]?.endsAt ?? 0) - (other.queue[0]?.endsAt ?? 0));
    const ended = busy[0]?.queue.shift();
    if (!ended) return false;
    this.now = ended.endsAt;
    this.scheduler.end(ended.id, true, this.now);
    this.give();
    return true;
  }

  run(): void {
    this.give();
    while (this.next());
  }

  /** Names of all started jobs, in order. */
  get order(): string[] {
    return this.begun.map(({ assignment }) => assignment.job.id);
  }

  on(machine: string): string[] {
    return this.begun
      .filter(({ assignment }) => assignment.machine === machine)
      .map((one) => one.assignment.job.id);
  }

  #begin(assignment: Assignment): void {
    const state = this.#machines.find(({ machine }) => machine.id === assignment.machine);
    if (!state) throw new Error('no such machine');
    this.scheduler.begin(assignment, this.now);
    const models = assignment.job.models.join();
    const { ms = JOB_MS, loadMs = 0 } = state.machine;
    const beginsAt = Math.max(this.now, state.queue.at(-1)?.endsAt ?? 0);
    const mustLoad = models !== '' && models !== state.loaded;
    state.queue.push({ id: assignment.job.id, endsAt: beginsAt + ms + (mustLoad ? loadMs : 0) });
    if (models !== '') state.loaded = models;
    this.begun.push({ assignment, at: this.now });
  }
}

/** A fleet that has run jobs, so that the scheduler knows its speeds. */
function known(machines: readonly TestMachine[], jobs = 5 * machines.length): Fleet {
  const fleet = new Fleet(machines);
  fleet.add(...Array.from({ length: jobs }, (_, n) => job(`before ${n}`)));
  fleet.run();
  fleet.begun.length = 0;
  return fleet;
}

const jobs = (count: number, parts: Partial<WaitingJob> = {}, name = 'job') =>
  Array.from({ length: count }, (_, n) => job(`${name} ${n}`, parts));

describe('where a job goes', () => {
  it('goes to equal machines in turn, the least loaded first', () => {
    const fleet = known([
      { id: 'm1', slots: 2 },
      { id: 'm2', slots: 2 },
    ]);
    fleet.add(...jobs(5));
    expect(fleet.give().map((one) => one.slice(-2))).toEqual(expect.arrayContaining(['m1', 'm2']));
    const views = fleet.views.map(({ freeSlots }) => freeSlots);
    expect(views).toEqual([0, 0]);
    expect(new Set(fleet.begun.slice(0, 2).map((one) => one.assignment.machine)).size).toBe(2);
  });

  it('waits for a fast machine where the idle slow one would give the result later', () => {
    const fleet = known([{ id: 'slow', ms: 5000 }, { id: 'fast' }]);
    fleet.add(...jobs(3));
    expect(fleet.give()).toEqual(['job 0 on fast']);
    const outlook = fleet.outlook('job 1');
    expect(outlook).toMatchObject({ reason: 'waits for a faster machine', machine: 'fast', jobsAhead: 0 });
    expect(outlook?.expectedMs).toBe(2000);
  });

  it('uses the slow machine where enough jobs wait', () => {
    const fleet = known([{ id: 'slow', ms: 5000 }, { id: 'fast' }]);
    fleet.add(...jobs(8));
    fleet.run();
    expect(fleet.on('slow')).toHaveLength(1);
    expect(fleet.on('fast')).toHaveLength(7);
  });

  it('never uses the slow machine for jobs in a row', () => {
    const fleet = known([{ id: 'slow', ms: 5000 }, { id: 'fast' }]);
    for (let n = 0; n < 10; n += 1) {
      fleet.add(job(`${n}`));
      fleet.run();
    }
    expect(fleet.on('slow')).toEqual([]);
  });

  it('gives a new machine its chance, and takes jobs from one that becomes slow', () => {
    const machines: TestMachine[] = [{ id: 'm1' }, { id: 'm2' }];
    const fleet = known(machines);
    if (machines[0]) machines[0].ms = 8000;
    fleet.add(...jobs(20));
    fleet.run();
    fleet.begun.length = 0;
    fleet.add(...jobs(4, {}, 'later'));
    fleet.run();
    expect(fleet.on('m1')).toEqual([]);
  });

  it('measures a slow machine again after a long time, when there is work for it', () => {
    const machines: TestMachine[] = [{ id: 'slow', ms: 5000 }, { id: 'fast' }];
    const fleet = known(machines);
    fleet.now += 3_600_000;
    fleet.add(...jobs(2));
    expect(fleet.give()).toEqual(['job 0 on fast', 'job 1 on slow']);
  });

  it('uses a machine that came back as if it were new, whatever was measured on it', () => {
    const fleet = known([{ id: 'slow', ms: 5000 }, { id: 'fast' }]);
    fleet.add(...jobs(2));
    expect(fleet.give()).toEqual(['job 0 on fast']);
    fleet.run();
    fleet.scheduler.forgetMachine('slow');
    fleet.add(...jobs(2, {}, 'later'));
    expect(fleet.give()).toHaveLength(2);
  });

  it('keeps away from a machine that is busy with prompts of other users', () => {
    const fleet = known([
      { id: 'm1', slots: 2, others: 20 },
      { id: 'm2', slots: 2 },
    ]);
    fleet.add(...jobs(4));
    fleet.run();
    expect(fleet.on('m1')).toEqual([]);
  });

  it('asks a machine that failed a job again only where no other can run it', () => {
    const fleet = new Fleet([{ id: 'm1' }, { id: 'm2', workflows: ['w'] }]);
    fleet.add(job('new'), job('again', { isAgain: true, avoid: new Set(['m1']) }));
    expect(fleet.give()).toEqual(['again on m2', 'new on m1']);
    const alone = new Fleet([{ id: 'm1' }, { id: 'm2', workflows: [] }]);
    alone.add(job('again', { isAgain: true, avoid: new Set(['m1']) }));
    expect(alone.give()).toEqual(['again on m1']);
  });
});

describe('which job is next', () => {
  it('is the first that came, with one machine and one client', () => {
    const workflows = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(workflows, fc.integer({ min: 1, max: 3 }), (types, slots) => {
        const fleet = new Fleet([{ id: 'm1', slots }]);
        fleet.add(...types.map((workflow, n) => job(`${n}`, { workflow })));
        fleet.run();
        expect(fleet.order).toEqual(types.map((_, n) => `${n}`));
      }),
      { seed: 1 },
    );
  });

  it('is of the client that used the least machine time', () => {
    const fleet = known([{ id: 'm1' }]);
    fleet.add(...jobs(50));
    fleet.give();
    fleet.add(job('B', { client: 'B' }), job('C', { client: 'C' }));
    fleet.run();
    expect(fleet.order.slice(0, 3)).toEqual(['job 0', 'B', 'C']);
  });

  it('counts what a client really used', () => {
    const fleet = new Fleet([{ id: 'm1' }]);
    const long = { workflow: 'long' };
    fleet.add(...jobs(4, long, 'A'), ...jobs(4, { ...long, client: 'B' }, 'B'));
    fleet.run();
    expect(fleet.order).toEqual(['A 0', 'B 0', 'A 1', 'B 1', 'A 2', 'B 2', 'A 3', 'B 3']);
  });

  it('is one with a higher priority, then with the nearer deadline', () => {
    const fleet = new Fleet([{ id: 'm1' }]);
    fleet.add(
      job('usual'),
      job('in an hour', { deadline: 3_600_000 }),
      job('soon', { deadline: 60_000 }),
      job('low', { priority: -1 }),
      job('high', { priority: 1 }),
    );
    fleet.run();
    expect(fleet.order).toEqual(['high', 'soon', 'in an hour', 'usual', 'low']);
  });

  it('is one with a low priority once it was skipped for too long', () => {
    const fleet = known([{ id: 'm1' }]);
    fleet.add(job('low', { priority: -5 }));
    const begins = () => fleet.order.includes('low');
    const start = fleet.now;
    for (let n = 0; n < 200 && !begins(); n += 1) {
      fleet.add(
        job(`high ${n}`, { priority: 5, client: 'B' }),
        job(`more ${n}`, { priority: 5, client: 'C' }),
      );
      fleet.give();
      fleet.next();
    }
    expect(begins()).toBe(true);
    expect(fleet.now - start).toBeLessThanOrEqual(BOUND_MS + 3 * JOB_MS);
  });

  it('does not wait behind jobs that no machine can run', () => {
    const fleet = new Fleet([{ id: 'm1', workflows: ['w'], maxBytes: 100 }]);
    fleet.add(...jobs(200, { workflow: 'unknown' }, 'no'), job('large', { largest: 101 }), job('yes'));
    expect(fleet.give()).toEqual(['yes on m1']);
    expect(fleet.outlook('no 7')?.reason).toBe('no machine can run it');
    expect(fleet.outlook('large')?.reason).toBe('no machine can run it');
  });

  it('gives up a job whose deadline has passed, and no other', () => {
    const fleet = new Fleet([]);
    fleet.add(job('late', { deadline: 500 }), job('in time', { deadline: 5000 }), job('patient'));
    expect(fleet.scheduler.nextDeadline).toBe(500);
    expect(fleet.scheduler.takeOverdue(500)).toBeUndefined();
    expect(fleet.scheduler.takeOverdue(501)?.id).toBe('late');
    expect(fleet.scheduler.takeOverdue(501)).toBeUndefined();
    expect(fleet.scheduler.size).toBe(2);
  });
});

describe('loaded models', () => {
  const of = (workflow: string) => ({ workflow, models: [`${workflow}.safetensors`] });

  function alternating(count: number): WaitingJob[] {
    return Array.from({ length: count }, (_, n) => job(`${n}`, of(n % 2 === 0 ? 'x' : 'y')));
  }

  function switches(fleet: Fleet): number {
    const types = fleet.begun.map(({ assignment }) => assignment.job.workflow);
    return types.filter((type, n) => type !== types[n - 1]).length;
  }

  it('are used by jobs that need them before others are loaded', () => {
    const fleet = new Fleet([{ id: 'm1', loadMs: 5000 }]);
    fleet.add(...alternating(40));
    fleet.run();
    expect(switches(fleet)).toBeLessThanOrEqual(3);
    expect(fleet.begun.some(({ assignment }) => assignment.reason === 'models are loaded')).toBe(true);
  });

  it('delay nobody for longer than the bound', () => {
    const fleet = new Fleet([{ id: 'm1', loadMs: 20_000 }]);
    fleet.add(...jobs(300, of('x')), job('y', { ...of('y'), client: 'B' }));
    fleet.run();
    const at = fleet.begun.find(({ assignment }) => assignment.job.id === 'y')?.at;
    expect(at).toBeLessThanOrEqual(BOUND_MS + 20_000 + 2 * JOB_MS);
  });

  it('do not matter where everything stays in memory', () => {
    const fleet = new Fleet([{ id: 'm1', loadMs: 0 }]);
    fleet.add(...alternating(60));
    fleet.run();
    fleet.begun.length = 0;
    fleet.add(...alternating(10));
    fleet.run();
    expect(fleet.order).toEqual(alternating(10).map(({ id }) => id));
  });

  it('leave no other machine idle', () => {
    const fleet = new Fleet([
      { id: 'm1', loadMs: 5000 },
      { id: 'm2', loadMs: 5000 },
    ]);
    fleet.add(...jobs(6, of('x')));
    expect(fleet.give()).toHaveLength(2);
  });
});

const anyJob = fc.record({
  client: fc.constantFrom('A', 'B', 'C'),
  workflow: fc.constantFrom('x', 'y', 'z'),
  priority: fc.integer({ min: -10, max: 10 }),
  hasModel: fc.boolean(),
  largest: fc.integer({ min: 0, max: 200 }),
});

const anyMachine = fc.record({
  ms: fc.integer({ min: 100, max: 5000 }),
  loadMs: fc.integer({ min: 0, max: 5000 }),
  slots: fc.integer({ min: 1, max: 3 }),
  others: fc.integer({ min: 0, max: 3 }),
  workflows: fc.subarray(['x', 'y', 'z']),
  maxBytes: fc.integer({ min: 50, max: 300 }),
});

describe('whatever comes', () => {
  const some = fc.tuple(
    fc.array(anyJob, { maxLength: 40 }),
    fc.array(anyMachine, { minLength: 1, maxLength: 4 }),
  );

  it('goes to a machine that can run it and has a slot, and is not left waiting where there is one', () => {
    fc.assert(
      fc.property(some, ([drafts, drawn]) => {
        const machines = drawn.map((one, n) => ({ ...one, id: `m${n}` }));
        const fleet = new Fleet(machines);
        const all = drafts.map(({ hasModel, ...rest }, n) =>
          job(`${n}`, { ...rest, models: hasModel ? [rest.workflow] : [] }),
        );
        fleet.add(...all);
        fleet.run();
        for (const { assignment } of fleet.begun) {
          const machine = machines.find(({ id }) => id === assignment.machine);
          expect(machine?.workflows).toContain(assignment.job.workflow);
          expect(machine?.maxBytes).toBeGreaterThanOrEqual(assignment.job.largest);
        }
        const possible = all.filter(({ workflow, largest }) =>
          machines.some((one) => one.workflows.includes(workflow) && one.maxBytes >= largest),
        );
        expect([...fleet.order].sort()).toEqual(possible.map(({ id }) => id).sort());
        expect(fleet.scheduler.size).toBe(all.length - possible.length);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('is decided alike when asked again, and by looking at what jobs may expect', () => {
    fc.assert(
      fc.property(some, ([drafts, drawn]) => {
        const fleet = new Fleet(drawn.map((one, n) => ({ ...one, id: `m${n}` })));
        fleet.add(...drafts.map(({ hasModel: _, ...rest }, n) => job(`${n}`, rest)));
        for (let n = 0; n < drafts.length; n += 1) {
          const first = fleet.scheduler.decide(fleet.views, fleet.now);
          fleet.outlook(`${n}`);
          expect(fleet.scheduler.decide(fleet.views, fleet.now)).toEqual(first);
          if (!first) break;
          fleet.scheduler.begin(first, fleet.now);
          fleet.scheduler.end(first.job.id, n % 3 !== 0, fleet.now + 100);
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});
