import type { SimulatedJob, SimulatedMachine } from './simulate.js';

/**
 * The earliest time at which `jobs` equal jobs can be done if all speeds are known: each job goes where it ends first, which is
 * optimal for equal jobs. @returns virtual ms
 */
export function earliestEnd(
  jobs: number,
  workMs: number,
  machines: readonly SimulatedMachine[],
  beginsAt = 0,
): number {
  const ready = machines.map((machine) => ({ machine, at: Math.max(beginsAt, machine.joinsAt ?? 0) }));
  let last = 0;
  for (let n = 0; n < jobs; n += 1) {
    let best: { one: (typeof ready)[number]; endsAt: number } | undefined;
    for (const one of ready) {
      if (one.at >= (one.machine.leavesAt ?? Number.POSITIVE_INFINITY)) continue;
      const endsAt = one.at + workMs / one.machine.speedAt(one.at);
      if (!best || endsAt < best.endsAt) best = { one, endsAt };
    }
    if (!best) break;
    best.one.at = best.endsAt;
    last = Math.max(last, best.endsAt);
  }
  return last;
}

/** How many jobs with deadlines one machine can start in time, with the nearest deadline first. */
export function beginInTime(jobs: readonly SimulatedJob[]): number {
  const coming = [...jobs].sort((one, other) => one.arrivesAt - other.arrivesAt);
  let waiting: SimulatedJob[] = [];
  let now = 0;
  let begun = 0;
  while (coming.length > 0 || waiting.length > 0) {
    while ((coming[0]?.arrivesAt ?? Number.POSITIVE_INFINITY) <= now) waiting.push(...coming.splice(0, 1));
    waiting = waiting.filter(({ deadline = 0 }) => deadline >= now);
    waiting.sort((one, other) => (one.deadline ?? 0) - (other.deadline ?? 0));
    const job = waiting.shift();
    if (job) {
      begun += 1;
      now += job.workMs;
    } else now = coming[0]?.arrivesAt ?? now;
  }
  return begun;
}
