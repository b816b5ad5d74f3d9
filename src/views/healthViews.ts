import { getHeapStatistics } from 'node:v8';
import type { z } from 'zod';
import type { healthAnswer, statusAnswer } from '../schemas/status.js';
import type { ConnectionManager } from '../services/comfyui/ConnectionManager.js';
import type { HealthReporter } from '../services/health.js';
import type { Instance } from '../services/instances/Instance.js';
import type { LoadBalancer } from '../services/instances/LoadBalancer.js';
import type { JobManager } from '../services/jobs/JobManager.js';
import type { JobProcessor } from '../services/jobs/JobProcessor.js';
import type { Recorder } from '../services/metrics/Recorder.js';
import { type Clock, toIso, toSeconds } from '../utils/clock.js';
import { hours, rounded, seconds } from '../utils/figures.js';
import { residentBytes } from '../utils/memory.js';
import { version } from '../version.js';
import { instanceView } from './instanceViews.js';

const MIB = 1024 * 1024;

interface Parts {
  readonly health: HealthReporter;
  readonly manager: JobManager;
  readonly processor: JobProcessor;
  readonly balancer: LoadBalancer;
  readonly connections: ConnectionManager;
  readonly recorder: Recorder;
  readonly clock: Clock;
}

type NameOf = (instance: Instance) => string;

/** Returns a summary of the health. Load balancers request it every second, so it only reads the size of the queue. */
export async function statusView({
  health,
  manager,
  processor,
  balancer,
  clock,
}: Parts): Promise<z.input<typeof statusAnswer>> {
  return {
    status: (await health.report()).state,
    healthy_instances: balancer.healthyCount,
    total_instances: balancer.instances.length,
    active_jobs: processor.activeJobs,
    pending_jobs: (await manager.figures.waiting()).jobs,
    uptime_hours: hours(health.uptimeMs),
    processor_running: processor.isRunning,
    timestamp: toIso(clock.now()),
  };
}

/** Returns the health of the server and its instances in detail. @param isForStrangers hides the addresses of the machines */
export async function healthView(
  parts: Parts,
  isForStrangers: boolean,
): Promise<z.input<typeof healthAnswer>> {
  const nameOf: NameOf = ({ address, host }) => (isForStrangers ? address.id : host);
  const { health, manager, processor, connections, recorder, clock } = parts;
  const { balancer } = parts;
  const { instances } = balancer;
  const { state, issues } = await health.report(isForStrangers);
  const healthy = parts.balancer.healthyCount;
  const { all } = recorder;
  const lastHour = recorder.last(60);
  return {
    status: state,
    version,
    timestamp: toIso(clock.now()),
    issues: [...issues],
    uptime: {
      total_uptime_hours: hours(recorder.totalUptimeMs),
      process_uptime_seconds: toSeconds(health.uptimeMs),
      started_at: toIso(recorder.startedAt),
    },
    comfyui_instances: {
      total: instances.length,
      healthy,
      unhealthy: instances.length - healthy,
      instances: instances.map((instance) =>
        instanceView(instance, nameOf, {
          isForStrangers,
          promptsOfOthers: balancer.promptsOfOthers(instance),
        }),
      ),
    },
    job_processing: {
      processor_running: processor.isRunning,
      active_jobs: processor.activeJobs,
      pending_jobs: (await manager.figures.waiting()).jobs,
      total_jobs: (await manager.figures.counts()).total,
      max_concurrent_jobs: processor.maxConcurrentJobs,
    },
    connections: named(connections.stats(), instances, nameOf),
    performance: {
      total_jobs_processed: all.processed,
      success_rate: all.successRate === null ? null : `${(all.successRate * 100).toFixed(2)}%`,
      average_processing_time_seconds: seconds(all.durations.average),
      jobs_processed_last_hour: lastHour.completed + lastHour.failed,
    },
    memory: memoryBody(),
  };
}

/** Returns connections under the host names that the caller may see. */
function named<T>(
  byHost: Record<string, T>,
  instances: readonly Instance[],
  nameOf: NameOf,
): Record<string, T> {
  const names = new Map(instances.map((instance) => [instance.host, nameOf(instance)]));
  return Object.fromEntries(
    Object.entries(byHost).map(([host, figures]) => [names.get(host) ?? host, figures]),
  );
}

/** Returns heap in use, memory of the process, and the heap's share of its limit. */
function memoryBody(): z.input<typeof healthAnswer>['memory'] {
  const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
  return {
    used_mb: rounded(usedBytes / MIB, 1),
    rss_mb: rounded(residentBytes() / MIB, 1),
    usage_percentage: Math.max(0.1, rounded((usedBytes / limitBytes) * 100, 1)),
  };
}
