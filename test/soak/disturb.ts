import { BACK_AFTER_MS, MISCHIEF, type MischiefName } from '../../src/simulator/mischief.js';
import { sleep } from '../../src/utils/timers.js';
import type { SimulatorProcess } from '../support/fleet.js';
import type { Random } from '../support/random.js';

/** Minimum and maximum time, ms. */
type Range = readonly [min: number, max: number];

interface Disturbance {
  /** One of these machines is disturbed at a time. */
  readonly machines: readonly SimulatorProcess[];
  readonly random: Random;
  /** Time between two faults. */
  readonly restMs: Range;
  readonly faultMs: Range;
  isOver(): boolean;
}

/**
 * Injects a fault into one machine for a random time, waits for a random time, and repeats.
 * @param counts number of faults by name; updated
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
    // Only a restart repairs a broken GPU; its operator would do that.
    if (name === 'GPU broken') {
      await machine.misbehave({ name: 'killed and back' });
      await sleep(BACK_AFTER_MS + restMs[1]);
      await machine.behave();
    }
  }
}
