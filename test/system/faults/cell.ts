import { jobRecord } from '../../../src/schemas/jobs.js';
import type { MischiefName } from '../../../src/simulator/mischief.js';
import type { Moment } from '../../../src/simulator/prompt.js';
import type { JobStatusBody } from '../../support/client.js';
import { eventually } from '../../support/eventually.js';
import type { Fleet } from '../../support/fleet.js';
import { colourOf, distance, middle, png } from '../../support/pictures.js';
import type { Random } from '../../support/random.js';

/** Two model nodes in a row, so that one is left when a fault hits the first. */
const TARGET = 'upscale-remove-bg';
const BYSTANDER = 'remove-background';
/** A node class that only the target has. */
const TARGETS_NODE = 'ImageUpscaleWithModel';

/**
 * Timeouts in proportion to simulated work of a few hundred milliseconds. The timeout of a response is shorter than the time that
 * Python's GIL is held; the timeout of a job is much longer than its work takes on a busy computer.
 */
export const CELL_ENV = {
  HEALTH_CHECK_TIMEOUT: '500',
  HEALTH_CHECK_INTERVAL: '1000',
  BREAKER_RESET_TIMEOUT: '500',
  BREAKER_MAX_RESET_TIMEOUT: '1000',
  JOB_TIMEOUT: '3500',
  MAX_CONCURRENT_JOBS: '8',
} as const;

export const CELL_WORK_MS = '150';

/** The result of the target job, and of its surroundings. */
export interface Outcome {
  readonly end: string;
  readonly attempts: number;
  /** How often machines started the job, needed or not. */
  readonly executions: number;
  /** Time from the fault to the server's first log line about it, or to the job's end; ms. */
  readonly knownAfterMs: number;
  /** Violations of what must hold for every fault; empty if all is well. */
  readonly wrong: readonly string[];
}

/** Number of image widths in use: a machine takes the result of its previous image from its cache, without any work. */
const WIDTHS = 32;
let cells = 0;

/**
 * Injects one fault into one job at one moment, with another job on the other machine; ends with an idle fleet without faults.
 */
export async function runCell(
  fleet: Fleet,
  fault: MischiefName,
  moment: Moment,
  random: Random,
): Promise<Outcome> {
  const before = await executionsOf(fleet);
  try {
    const outcome = await happen(fleet, fault, moment, random);
    await fleet.calm();
    // The other job counts as one execution.
    return { ...outcome, executions: (await executionsOf(fleet)) - before - 1 };
  } finally {
    await fleet.calm();
  }
}

async function happen(
  fleet: Fleet,
  fault: MischiefName,
  moment: Moment,
  random: Random,
): Promise<Omit<Outcome, 'executions'>> {
  cells += 1;
  const width = 48 + (cells % WIDTHS);
  const colours = [random.int(0, 215), random.int(0, 215)].map(colourOf);
  const [own, others] = await Promise.all(colours.map((colour) => png({ colour, width })));
  if (!own || !others) throw new Error('no pictures');
  const { client } = fleet;
  const bystander = await client.submit(BYSTANDER, others);
  const { comfyui_instance: busy } = await client.until(bystander, ({ status }) => status !== 'pending');
  const struck = fleet.simulators.find(({ host }) => host !== busy);
  if (!struck) throw new Error('there is no second machine');
  if (moment === 'pending') await struck.occupy(true);
  // After the run there is no time to lose; before, the delay is up to half a node's work.
  const afterMs = moment === 'pending' || moment === 'running' ? random.int(0, 75) : 0;
  // The description of an upload does not name its prompt, but no other upload goes to this machine.
  await struck.misbehave({
    name: fault,
    at: moment,
    afterMs,
    output: moment === 'upload' ? '' : TARGETS_NODE,
  });
  // Only the machine with the fault can get the job at first, whatever the scheduler has learned about it.
  await fleet.setState(busy ?? '', 'draining');
  const target = await client.submit(TARGET, own);
  // It may already have failed there and be waiting again.
  await client.until(target, ({ status, attempts }) => status !== 'pending' || attempts > 0);
  await fleet.setState(busy ?? '', 'active');
  if (moment === 'pending') {
    await eventually(async () => {
      if (!(await struck.state()).sprung) throw new Error('the fault does not happen');
    });
    await struck.occupy(false);
  }
  const progress: number[] = [];
  const end = await client.finished(target, (status) => progress.push(status.progress_percentage));
  const beside = await client.finished(bystander);
  const { sprung } = await struck.state();
  const wrong = [
    ...(sprung ? [] : ['the fault never happened']),
    ...(await wrongAbout(fleet, target, end, colours[0])),
    ...(await wrongAbout(fleet, bystander, beside, colours[1])),
    ...(beside.status === 'completed' && beside.attempts === 1 ? [] : ['the job beside it was touched']),
    ...(isRising(progress) ? [] : [`its progress fell: ${progress.join()}`]),
  ];
  return {
    end: end.status === 'failed' ? categoryOf(end) : end.status,
    attempts: end.attempts,
    knownAfterMs: knownTime(fleet, target) - (sprung?.time ?? 0),
    wrong,
  };
}

/** Number of prompts of jobs that machines have started so far. */
async function executionsOf(fleet: Fleet): Promise<number> {
  const states = await Promise.all(fleet.simulators.map((simulator) => simulator.state()));
  return states.reduce((sum, { executions }) => sum + executions.length, 0);
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((value, n) => value >= (numbers[n - 1] ?? 0));
}

function categoryOf(status: JobStatusBody): string {
  const details = 'error_details' in status ? status.error_details : undefined;
  const category = typeof details === 'object' ? details['category'] : undefined;
  if (typeof category === 'string') return category;
  return 'error_code' in status && status.error_code === 'JOB_TIMEOUT' ? 'processing_timeout' : 'unknown';
}

/** Checks that the job ended once, with its own image, and that its record agrees. */
async function wrongAbout(
  fleet: Fleet,
  id: string,
  end: JobStatusBody,
  colour: ReturnType<typeof colourOf> | undefined,
): Promise<string[]> {
  const wrong: string[] = [];
  const record = await fleet.client.json(`/api/jobs/${id}/info`, jobRecord);
  if (record.status !== end.status) wrong.push(`its record says ${record.status}`);
  await eventually(() => {
    if (endsOf(fleet, id).length === 0) throw new Error('its end is not logged');
  });
  if (endsOf(fleet, id).length !== 1) wrong.push('it ended more than once');
  if (end.status === 'completed' && colour) {
    const seen = await middle(await fleet.client.resultImage(id));
    if (distance(seen, colour) > 10) wrong.push(`it has another picture: ${JSON.stringify([seen, colour])}`);
  }
  return wrong;
}

const ENDS = new Set(['Job completed', 'Job failed', 'Job cancelled']);

const endsOf = (fleet: Fleet, id: string) =>
  fleet.server.lines().filter(({ message, jobId }) => jobId === id && ENDS.has(message));

/** Epoch ms of the first log line about a problem of the job, or about its end. */
function knownTime(fleet: Fleet, id: string): number {
  const about = fleet.server.lines().filter(({ jobId }) => jobId === id);
  const line = about.find(({ message }) => message === 'Attempt failed, job is retried' || ENDS.has(message));
  return Date.parse(String(line?.['timestamp']));
}
