import { getHeapStatistics } from 'node:v8';
import type { IRouter, RequestHandler } from 'express';
import type { z } from 'zod';
import { callerOf, requireKey } from '../middleware/authentication.js';
import type { healthAnswer, statusAnswer } from '../schemas/status.js';
import type { Services } from '../services/index.js';
import type { Instance } from '../services/instances/Instance.js';
import { toIso, toSeconds } from '../utils/clock.js';
import { hours, rounded, seconds } from '../utils/figures.js';
import { instanceView } from './instanceViews.js';
import { route } from './route.js';

const MIB = 1024 * 1024;

/** Whether a path is one of these, in any of the ways in which Express takes it for one. */
export function isForLoadBalancers(path: string): boolean {
  return /^\/(status(\/metrics)?|health)\/?$/i.test(path);
}

/** What load balancers and people on call ask. */
export function statusRoutes(router: IRouter, services: Services): void {
  const { health, manager, processor, balancer, clock } = services;

  // Asked every second by load balancers: only what is in memory.
  const status: RequestHandler = (_request, response) => {
    const { state } = health.report();
    const body: z.input<typeof statusAnswer> = {
      status: state,
      healthy_instances: balancer.healthyCount,
      total_instances: balancer.instances.length,
      active_jobs: processor.activeJobs,
      pending_jobs: manager.queue.size,
      uptime_hours: hours(health.uptimeMs),
      processor_running: processor.isRunning,
      timestamp: toIso(clock.now()),
    };
    response.status(state === 'critical' ? 503 : 200).json(body);
  };

  const fullHealth: RequestHandler = async (_request, response) => {
    // It stays open for load balancers, and our machines' addresses are not for everybody.
    const { areKeysNeeded, key } = callerOf(response);
    const body = await healthBody(services, areKeysNeeded && !key ? idOf : hostOf);
    response.status(body.status === 'critical' ? 503 : 200).json(body);
  };

  const metrics: RequestHandler = (_request, response) => {
    response.json(services.metrics.brief());
  };

  route(router, '/status', { get: status });
  route(router, '/status/metrics', { get: [requireKey, metrics] });
  route(router, '/health', { get: fullHealth });
}

type NameOf = (instance: Instance) => string;

const hostOf: NameOf = ({ host }) => host;
const idOf: NameOf = ({ address }) => address.id;

async function healthBody(services: Services, nameOf: NameOf): Promise<z.input<typeof healthAnswer>> {
  const { health, manager, processor, instances, connections, recorder, clock } = services;
  const { state, issues } = health.report(nameOf);
  const healthy = services.balancer.healthyCount;
  const { all } = recorder;
  const lastHour = recorder.last(60);
  return {
    status: state,
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
      instances: instances.map((instance) => instanceView(instance, nameOf)),
    },
    job_processing: {
      processor_running: processor.isRunning,
      active_jobs: processor.activeJobs,
      pending_jobs: manager.queue.size,
      total_jobs: (await manager.counts()).total,
      max_concurrent_jobs: processor.options.maxConcurrentJobs,
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

/** Figures by host, under the names that the caller may see. */
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

/** Heap in use, the process's whole memory, and the heap's share of what Node lets it grow to. */
function memoryBody(): z.input<typeof healthAnswer>['memory'] {
  const { heapUsed, rss } = process.memoryUsage();
  return {
    used_mb: rounded(heapUsed / MIB, 1),
    rss_mb: rounded(rss / MIB, 1),
    usage_percentage: Math.max(0.1, rounded((heapUsed / getHeapStatistics().heap_size_limit) * 100, 1)),
  };
}
