import { asyncAnswer, jobStatusAnswer } from '../../src/schemas/jobs.js';
import { sleep } from '../../src/utils/timers.js';
import { Random } from '../support/random.js';
import { disturb } from './disturb.js';
import { INJECTED } from './Ledger.js';
import { SharedFleet } from './SharedFleet.js';
import { isOf, twoColours } from './twoColours.js';

const MACHINES = 2;
const CLIENTS = 8;
const TYPES = ['remove-background', 'upscale-image', 'upscale-remove-bg'] as const;
const FORMATS = ['PNG', 'JPEG', 'WEBP'] as const;
const POLL_MS = 30;
const CANCELLED_SHARE = 0.08;
/** Number of jobs after which the server is killed. */
const JOBS_A_START = 200;
/** File names that one process of a server uses on one machine: spare ones, those in use, and one for its checks. */
const NAMES_PER_MACHINE = 8 + 2 + 1;

export interface IntegrityReport {
  readonly jobs: number;
  readonly completed: number;
  readonly cancelled: number;
  /** By category, as a result of injected faults. */
  readonly failed: Readonly<Record<string, number>>;
  /** Submitted to a server that was killed before it reported the end. */
  readonly lostWithRestart: number;
  readonly serverRestarts: number;
  /** Number of faults by name. */
  readonly mischief: Readonly<Record<string, number>>;
  readonly executions: number;
  readonly retries: number;
  /** Executions beyond one per attempt of a job. */
  readonly needlessExecutions: number;
  /** Uploads in the shared temp folder at the end, and their maximum number. */
  readonly uploads: { readonly found: number; readonly most: number };
  /** Everything that must not happen, above all a wrong image. */
  readonly wrong: readonly string[];
}

type End = 'completed' | 'cancelled' | 'lost' | `failed ${string}`;

/**
 * Runs jobs with distinct images through machines that share their folders, while machines and the server are killed and files
 * are deleted.
 */
export async function checkIntegrity(options: { jobs: number; seed: number }): Promise<IntegrityReport> {
  const fleet = await SharedFleet.start(MACHINES);
  const wrong: string[] = [];
  const ends: End[] = [];
  const mischief: Record<string, number> = {};
  let next = 0;
  const isOver = () => ends.length >= options.jobs;
  try {
    const clients = Array.from({ length: CLIENTS }, async (_, n) => {
      const random = new Random(options.seed * 1000 + n);
      while (next < options.jobs) ends.push(await oneJob(fleet, next++, random, wrong));
    });
    const troubles = [
      disturb(
        {
          machines: fleet.machines,
          random: new Random(options.seed),
          restMs: [100, 800],
          faultMs: [50, 1200],
          isOver,
        },
        mischief,
      ),
      deleteFiles(fleet, new Random(options.seed + 1), isOver),
      restartServer(fleet, options.jobs, () => ends.length, isOver),
    ];
    await Promise.all([...clients, ...troubles]);
    await fleet.settle();
    return await report(fleet, ends, mischief, wrong);
  } finally {
    await fleet.stop();
  }
}

async function report(
  fleet: SharedFleet,
  ends: readonly End[],
  mischief: Readonly<Record<string, number>>,
  wrong: string[],
): Promise<IntegrityReport> {
  const count = (end: End) => ends.filter((one) => one === end).length;
  const failed: Record<string, number> = {};
  for (const end of ends) {
    const [, category] = /^failed (.*)$/.exec(end) ?? [];
    if (category === undefined) continue;
    failed[category] = (failed[category] ?? 0) + 1;
    if (!INJECTED.has(category)) wrong.push(`a job failed for a reason of its own: ${category}`);
  }
  const retried = fleet.log(/^Attempt failed, job is retried$/);
  const accepted = fleet.log(/^Job accepted$/).length;
  const executions = await fleet.executions();
  const needless = Math.max(
    executions.length - new Set(executions).size,
    executions.length - accepted - retried.length,
    0,
  );
  if (needless > 0) wrong.push(`${needless} executions were needless`);
  for (const { instance, reason } of fleet.log(/^Instance gets no jobs$/)) {
    // A machine with a broken GPU is rightly given up, if this test broke it.
    if (mischief['GPU broken'] && /^its GPU failed/.test(String(reason))) continue;
    wrong.push(`${instance} was given up: ${reason}`);
  }
  for (const line of fleet.log(/Unexpected error|went wrong|Request failed/))
    wrong.push(JSON.stringify(line));
  const found = fleet.files('temp').filter((name) => name.startsWith('comfyui-express-')).length;
  // The name of an upload or prompt with an unknown end stays reserved for some time.
  const doubtful = retried.length + count('cancelled') + Object.values(failed).reduce((sum, n) => sum + n, 0);
  const most = fleet.servers.length * MACHINES * NAMES_PER_MACHINE + doubtful;
  if (found > most) wrong.push(`${found} uploads lie in the temp folder`);
  return {
    jobs: ends.length,
    completed: count('completed'),
    cancelled: count('cancelled'),
    failed,
    lostWithRestart: count('lost'),
    serverRestarts: fleet.generation,
    mischief,
    executions: executions.length,
    retries: retried.length,
    needlessExecutions: needless,
    uploads: { found, most },
    wrong,
  };
}

/** Runs one job from submission to end and compares its result with its image. */
async function oneJob(fleet: SharedFleet, n: number, random: Random, wrong: string[]): Promise<End> {
  const { client } = fleet;
  const picture = await twoColours(n);
  const type = random.pick(TYPES);
  const fields = { format: random.pick(FORMATS) };
  const isCancelled = random.chance(CANCELLED_SHARE);
  await fleet.whenUp();
  const { generation } = fleet;
  try {
    const response = await client.post(`/api/async/${type}`, picture, { fields });
    if (response.status !== 202)
      throw new Error(`submission answered ${response.status}: ${await response.text()}`);
    const { job_id } = asyncAnswer.parse(await response.json());
    if (isCancelled) {
      await sleep(random.int(0, 250));
      await (await client.request(`/api/jobs/${job_id}/cancel`, { method: 'POST' })).arrayBuffer();
    }
    for (;;) {
      const status = await client.json(`/api/jobs/${job_id}/status`, jobStatusAnswer);
      if (status.status === 'cancelled') return 'cancelled';
      if (status.status === 'failed') return `failed ${categoryOf(status)}`;
      if (status.status === 'completed') {
        if (!(await isOf(await client.resultImage(job_id), n)))
          wrong.push(`job ${n} (${job_id}) has another picture`);
        return 'completed';
      }
      await sleep(POLL_MS);
    }
  } catch (error) {
    // Jobs are in the server's memory: those of a killed server are lost.
    if (fleet.generation === generation) wrong.push(`job ${n}: ${error}`);
    return 'lost';
  }
}

function categoryOf(status: { error_code?: string; error_details?: unknown }): string {
  const { category } = (status.error_details ?? {}) as { category?: string };
  return category ?? (status.error_code === 'JOB_TIMEOUT' ? 'processing_timeout' : `${status.error_code}`);
}

/** Deletes files at random: file numbers become free again, and uploads and results disappear. */
async function deleteFiles(fleet: SharedFleet, random: Random, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await sleep(random.int(100, 500));
    for (const type of ['temp', 'output'] as const) {
      for (const name of fleet.files(type)) if (random.chance(0.3)) fleet.delete(type, name);
    }
  }
}

async function restartServer(
  fleet: SharedFleet,
  jobs: number,
  done: () => number,
  isOver: () => boolean,
): Promise<void> {
  const restarts = Math.max(1, Math.floor(jobs / JOBS_A_START));
  for (let n = 1; n <= restarts; n += 1) {
    while (!isOver() && done() < (jobs * n) / (restarts + 1)) await sleep(20);
    if (!isOver()) await fleet.restartServer();
  }
}
