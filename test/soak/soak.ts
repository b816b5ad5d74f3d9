import { readFileSync } from 'node:fs';
import { eventually } from '../support/eventually.js';
import { Fleet } from '../support/fleet.js';
import { QueueBackend, type QueueKind } from '../support/QueueKind.js';
import { Random } from '../support/random.js';
import { Actor } from './actors.js';
import { ComeAndGo, type FleetChanges } from './ComeAndGo.js';
import { disturb } from './disturb.js';
import { type Balance, Ledger } from './Ledger.js';

const MACHINES = 3;
const CLIENTS = 8;
const LIFETIME_MS = 3000;
const SAMPLE_MS = 5000;
const SIMULATOR_ARGS = ['--work', '60'];

const ENV = {
  HEALTH_CHECK_TIMEOUT: '400',
  HEALTH_CHECK_INTERVAL: '1000',
  BREAKER_RESET_TIMEOUT: '500',
  BREAKER_MAX_RESET_TIMEOUT: '1000',
  JOB_TIMEOUT: '4000',
  MAX_CONCURRENT_JOBS: '6',
  MAX_QUEUE_SIZE: '4',
  JOB_CLEANUP_INTERVAL: String(LIFETIME_MS),
  METRICS_SAVE_INTERVAL: '2000',
};

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  /** No faults and always the same machines: a steady load to measure the memory. */
  readonly isCalm?: boolean;
  /** Default `memory`. */
  readonly queue?: QueueKind;
  onSample?(sample: MemorySample, mischief: number): void;
}

export interface MemorySample {
  /** Seconds since the start. */
  readonly at: number;
  readonly rssMb: number;
  /** JavaScript heap in use, garbage included. */
  readonly heapMb: number;
}

export interface SoakReport {
  readonly balance: Balance;
  readonly memory: readonly MemorySample[];
  /** Number of faults by name. */
  readonly mischief: Readonly<Record<string, number>>;
  /** What happened to machines that were added. */
  readonly changes: Readonly<FleetChanges>;
  /** Number of the server's file descriptors before and after. */
  readonly descriptors: readonly [before: number, after: number];
}

/**
 * Runs random jobs, cancels and disconnects against machines with random faults, while machines are added and removed; ends with
 * a balance. It runs longer than asked until machines were removed in every way.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const queue = await QueueBackend.open(options.queue ?? 'memory');
  const fleet = await Fleet.start(MACHINES, { ...ENV, ...queue.env() }, SIMULATOR_ARGS);
  const ledger = new Ledger();
  try {
    await fleet.calm();
    const before = fleet.openDescriptors();
    const deadline = performance.now() + options.seconds * 1000;
    const isOver = () => performance.now() > deadline && (options.isCalm === true || comeAndGo.isComplete);
    const comeAndGo = new ComeAndGo({
      client: fleet.client,
      random: new Random(options.seed * 10),
      ledger,
      simulatorArgs: SIMULATOR_ARGS,
      isOver,
    });
    const counts: Record<string, number> = {};
    const memory: MemorySample[] = [];
    const watch = watchMemory(fleet, memory, (sample) => {
      options.onSample?.(
        sample,
        Object.values(counts).reduce((sum, n) => sum + n, 0),
      );
    });
    const actors = Array.from({ length: CLIENTS }, async (_, n) => {
      const random = new Random(options.seed * 1000 + n);
      const actor = new Actor(`client-${n}`, { client: fleet.client, random, ledger });
      while (!isOver()) await actor.act();
    });
    const disturbances = options.isCalm
      ? []
      : fleet.simulators.map((machine, n) =>
          disturb(
            {
              machines: [machine],
              random: new Random(options.seed * 100 + n),
              restMs: [0, 2000],
              faultMs: [50, 1500],
              isOver,
            },
            counts,
          ),
        );
    if (!options.isCalm) disturbances.push(comeAndGo.run());
    await Promise.all([...actors, ...disturbances]).finally(() => clearInterval(watch));
    await settle(fleet, before);
    const descriptors = [before, fleet.openDescriptors()] as const;
    const { changes } = comeAndGo;
    return { balance: ledger.balance(fleet.server), memory, mischief: counts, changes, descriptors };
  } finally {
    await fleet.stop();
    await queue.close();
  }
}

/** Waits until nothing is left: no job, slot or used socket, and about as many descriptors as at the start. */
async function settle(fleet: Fleet, descriptors: number): Promise<void> {
  await fleet.calm();
  await eventually(async () => {
    const { job_processing } = await fleet.health();
    const left = { jobs: job_processing.total_jobs, descriptors: fleet.openDescriptors() - descriptors };
    if (left.jobs > 0 || left.descriptors > 2 * CLIENTS)
      throw new Error(`left over: ${JSON.stringify(left)}`);
  }, 30_000);
}

function watchMemory(
  fleet: Fleet,
  samples: MemorySample[],
  onSample: (sample: MemorySample) => void,
): NodeJS.Timeout {
  const startedAt = performance.now();
  const take = async () => {
    const rssMb = residentMb(fleet.server.child.pid);
    if (rssMb === undefined) return;
    const { memory } = await fleet.health();
    const at = Math.round((performance.now() - startedAt) / 1000);
    const sample = { at, rssMb, heapMb: memory.used_mb };
    samples.push(sample);
    onSample(sample);
  };
  // The last sample may fail because the server has already ended.
  return setInterval(() => void take().catch(() => undefined), SAMPLE_MS);
}

/** Resident memory of a process, if the system reports it. */
function residentMb(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 102.4) / 10;
  } catch {
    return undefined;
  }
}
