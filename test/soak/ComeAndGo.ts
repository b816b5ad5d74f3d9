import type { z } from 'zod';
import { type instance, instanceAnswer, instancesAnswer } from '../../src/schemas/instances.js';
import { sleep } from '../../src/utils/timers.js';
import type { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { SimulatorProcess } from '../support/fleet.js';
import type { Random } from '../support/random.js';
import type { Ledger } from './Ledger.js';

/** The ways to remove a machine. */
const WAYS = ['drained', 'removed at work', 'stopped at work'] as const;
type Way = (typeof WAYS)[number];

/** Counts of the machines that were added and removed. */
export interface FleetChanges {
  added: number;
  /** Drained before the removal. */
  drained: number;
  removed: number;
  /** Removed while jobs were running, which ended there. */
  removedAtWork: number;
  /** Removed while jobs were running, and stopped immediately. */
  stoppedAtWork: number;
  /** Prompts that ran on all of them. */
  executions: number;
}

interface Parts {
  readonly client: Client;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly simulatorArgs: readonly string[];
  isOver(): boolean;
}

/** Repeatedly starts one more machine, adds it, waits until it runs jobs, removes it in one of three ways, and stops it. */
export class ComeAndGo {
  readonly changes: FleetChanges = {
    added: 0,
    drained: 0,
    removed: 0,
    removedAtWork: 0,
    stoppedAtWork: 0,
    executions: 0,
  };
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Whether machines were removed in each of the ways. */
  get isComplete(): boolean {
    const { drained, removedAtWork, stoppedAtWork } = this.changes;
    return Math.min(drained, removedAtWork, stoppedAtWork) > 0;
  }

  async run(): Promise<void> {
    const { random, isOver } = this.#parts;
    let left: Way[] = [];
    while (!isOver()) {
      // Each way once, in random order, before the next round.
      if (left.length === 0) left = [...WAYS];
      const way = random.pick(left);
      left = left.filter((one) => one !== way);
      await this.#comeAndGo(way);
      await sleep(random.int(0, 500));
    }
  }

  async #comeAndGo(way: Way): Promise<void> {
    const machine = await SimulatorProcess.start(this.#parts.simulatorArgs);
    try {
      const name = `extra-${this.changes.added + 1}`;
      await this.#send('POST', '', { url: `http://${machine.host}`, name, max_jobs: 2 });
      this.changes.added += 1;
      await this.#untilItWorks(name);
      await sleep(this.#parts.random.int(0, 800));
      await this.#untilItWorks(name);
      if (way === 'drained') await this.#drain(name, machine);
      else await this.#removeAtWork(name, machine, way);
    } finally {
      await machine.stop();
    }
  }

  /** Drains the machine, waits for its jobs, and removes it. */
  async #drain(name: string, machine: SimulatorProcess): Promise<void> {
    await this.#send('PATCH', `/${name}`, { state: 'draining' });
    this.changes.drained += 1;
    await eventually(async () => {
      const there = await this.#find(name);
      if (there?.active_jobs !== 0) throw new Error(`${name} is not drained: ${JSON.stringify(there)}`);
    });
    const { prompts } = await machine.state();
    await sleep(this.#parts.random.int(0, 300));
    await this.#send('DELETE', `/${name}`);
    await this.#untilGone(name);
    const after = await machine.state();
    if (after.prompts > prompts) this.#parts.ledger.wrong(`${name} got prompts after it was drained`);
    this.changes.executions += after.executions.length;
  }

  /** Removes the machine while it runs jobs, and stops it after they have ended, or before. */
  async #removeAtWork(name: string, machine: SimulatorProcess, way: Way): Promise<void> {
    const [leaving] = await this.#send('DELETE', `/${name}`);
    const atWork = leaving?.active_jobs ?? 0;
    const { prompts, executions } = await machine.state();
    if (way === 'stopped at work') await machine.stop();
    await this.#untilGone(name);
    if (way === 'stopped at work') {
      this.changes.executions += executions.length;
      if (atWork > 0) this.changes.stoppedAtWork += 1;
      return;
    }
    const after = await machine.state();
    this.changes.executions += after.executions.length;
    if (after.prompts > prompts + atWork)
      this.#parts.ledger.wrong(`${name} got prompts after it was removed`);
    if (atWork > 0) this.changes.removedAtWork += 1;
  }

  /** Waits until the machine has a job. Also resolves when the run is over. */
  async #untilItWorks(name: string): Promise<void> {
    await eventually(async () => {
      if (this.#parts.isOver()) return;
      const there = await this.#find(name);
      if (!there || there.active_jobs === 0) throw new Error(`${name} has no job: ${JSON.stringify(there)}`);
    });
  }

  async #untilGone(name: string): Promise<void> {
    await eventually(async () => {
      const there = await this.#find(name);
      if (there) throw new Error(`${name} is not gone: ${JSON.stringify(there)}`);
    });
    this.changes.removed += 1;
  }

  async #find(name: string): Promise<z.output<typeof instance> | undefined> {
    const { instances } = await this.#parts.client.json('/api/instances', instancesAnswer);
    return instances.find((one) => one.name === name);
  }

  async #send(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object) {
    const { instances } = await this.#parts.client.json(`/api/instances${path}`, instanceAnswer, {
      method,
      status: method === 'POST' ? 201 : 200,
      ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
    });
    return instances;
  }
}
