import { MISCHIEF, type MischiefName } from '../../src/simulator/mischief.js';
import { sleep } from '../../src/utils/timers.js';
import type { SimulatorProcess } from '../support/fleet.js';
import type { Random } from '../support/random.js';

/** Shortest and longest time, ms. */
type Range = readonly [min: number, max: number];

interface Disturbance {
  /** One of them is disturbed at a time. */
  readonly machines: readonly SimulatorProcess[];
  readonly random: Random;
  /** Between two faults. */
  readonly restMs: Range;
  readonly faultMs: Range;
  isOver(): boolean;
}

/**
 * Does one thing to a machine, for a random time, then leaves all of them alone for a random time, and so on.
 * @param counts how often each thing was done; added to
 */
export async function disturb(
  { machines, random, restMs, faultMs, isOver }: Disturbance,
  counts: Record<string, number>,
): Promise<void> {
  const names = Object.keys(MISCHIEF) as MischiefName[];
  while (!isOver()) {
    await sleep(random.int(...restMs));
    const name = random.pick(names);
    const machine = random.pick(machines);
    counts[name] = (counts[name] ?? 0) + 1;
    await machine.misbehave({ name });
    await sleep(random.int(...faultMs));
    await machine.behave();
  }
}
