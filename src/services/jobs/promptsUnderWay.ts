import { type Job, leftPrompts } from './Job.js';
import type { JobRecords } from './JobRecords.js';

/** Maximum jobs to read: more do not run at the same time. */
const MAX_JOBS = 10_000;

/** Ids of the prompts of unfinished jobs, in a store that servers share; none in any other. */
export async function promptsUnderWay(records: JobRecords): Promise<ReadonlySet<string>> {
  if (!records.isShared) return new Set();
  const page = { limit: MAX_JOBS, offset: 0 };
  const jobs: Job[] = [];
  // One after the other, and the first one twice: a job can move between them during the reads.
  for (const status of ['processing', 'pending', 'processing'] as const) {
    jobs.push(...(await records.list({ status }, page)).jobs);
  }
  return new Set(jobs.flatMap(promptsOf));
}

function promptsOf(job: Job): string[] {
  const left = leftPrompts(job).map(({ promptId }) => promptId);
  const current = job.status === 'processing' ? job.assignment.promptId : undefined;
  return [...left, current].filter((id) => id !== undefined);
}
