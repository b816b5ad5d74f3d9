import fc from 'fast-check';
import { eventually } from '../support/eventually.js';
import { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';
import type { Target } from './Target.js';

export interface FuzzReport {
  readonly cases: number;
  /** Number of each response, by target. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly highestRssMb: number;
}

const MIB = 1024 * 1024;

/**
 * Runs `cases` cases in total, each target against its own server, generated from `seed`.
 * @throws Error with the first case that caused a 5xx, a timeout or a crash
 */
export async function fuzz(targets: readonly Target[], cases: number, seed: number): Promise<FuzzReport> {
  const accidents: unknown[] = [];
  const onAccident = (error: unknown) => accidents.push(error);
  process.on('unhandledRejection', onAccident);
  process.on('uncaughtException', onAccident);
  const answers: Record<string, Record<string, number>> = {};
  let highestRssMb = 0;
  const watch = setInterval(() => {
    highestRssMb = Math.max(highestRssMb, Math.round(process.memoryUsage().rss / MIB));
  }, 200);
  try {
    await Promise.all(
      targets.map(async (target) => {
        answers[target.name] = await attack(target, Math.ceil(cases * target.share), seed);
      }),
    );
    if (accidents.length > 0) throw new Error(`not caught by anybody: ${accidents.map(String).join('\n')}`);
    const count = targets.reduce((sum, { share }) => sum + Math.ceil(cases * share), 0);
    return { cases: count, answers, highestRssMb };
  } finally {
    clearInterval(watch);
    process.off('unhandledRejection', onAccident);
    process.off('uncaughtException', onAccident);
  }
}

async function attack(target: Target, cases: number, seed: number): Promise<Record<string, number>> {
  const folder = await WorkflowFiles.create(target.workflows);
  const stack = await Stack.start({
    env: {
      WORKFLOWS_DIR: folder.directory,
      ALLOWED_IMAGE_TYPES: 'image/png,image/jpeg,image/webp',
      JOB_CLEANUP_INTERVAL: '500',
      JOB_TIMEOUT: '1500',
      MAX_OPEN_REQUESTS_PER_CLIENT: '1000',
      COMFYUI_API_PORT: '0',
    },
  });
  const counts: Record<string, number> = {};
  try {
    const property = target.property(stack, (answers) => {
      for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
    });
    await fc.assert(property, { numRuns: cases, seed, endOnFailure: true });
    // Nothing of a case may remain.
    await eventually(async () => {
      const { total } = await stack.services.manager.counts();
      if (total + stack.blobs.size > 0)
        throw new Error(`${total} jobs and ${stack.blobs.size} images are left`);
    }, 20_000);
    return counts;
  } finally {
    await stack.stop();
    await folder.delete();
  }
}
