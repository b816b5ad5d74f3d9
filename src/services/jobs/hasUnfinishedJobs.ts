import type { JobManager } from './JobManager.js';

/** Returns whether jobs of the workflow type wait or run, on any server. @throws the rejection of the store */
export async function hasUnfinishedJobs({ list }: Pick<JobManager, 'list'>, type: string): Promise<boolean> {
  // One after the other, and the first one twice: a job can move between them during the reads.
  for (const status of ['pending', 'processing', 'pending'] as const) {
    const { total } = await list({ status, type }, { limit: 1, offset: 0 });
    if (total > 0) return true;
  }
  return false;
}
