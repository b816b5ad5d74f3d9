import type { z } from 'zod';
import type { processorStatsAnswer } from '../schemas/jobs.js';
import type { LoadBalancer } from '../services/instances/LoadBalancer.js';
import type { JobManager } from '../services/jobs/JobManager.js';
import type { JobProcessor } from '../services/jobs/JobProcessor.js';

/** Returns the state of the job processor, and its limits. */
export async function processorView({
  manager,
  processor,
  balancer,
}: {
  readonly manager: JobManager;
  readonly processor: JobProcessor;
  readonly balancer: LoadBalancer;
}): Promise<z.input<typeof processorStatsAnswer>> {
  const { instances } = balancer;
  return {
    isRunning: processor.isRunning,
    activeJobs: processor.activeJobs,
    pendingJobs: (await manager.figures.waiting()).jobs,
    maxConcurrentJobs: processor.maxConcurrentJobs,
    maxJobsPerInstance: processor.options.maxJobsPerInstance,
    processingInterval: processor.options.pollIntervalMs,
    instanceJobCounts: Object.fromEntries(instances.map(({ host, activeJobs }) => [host, activeJobs])),
  };
}
