import type { z } from 'zod';
import type { instanceMetricsAnswer, instancesMetricsAnswer, metricsAnswer } from '../schemas/metrics.js';
import type { Instance } from '../services/instances/Instance.js';
import type { LoadBalancer } from '../services/instances/LoadBalancer.js';
import type { Sum } from '../services/metrics/Figures.js';
import { isoOrNull } from '../utils/clock.js';
import { rounded, seconds, share } from '../utils/figures.js';

type Fleet = Omit<z.input<typeof instancesMetricsAnswer>['summary'], 'jobs_processed' | 'success_rate'>;
type Details = z.input<typeof metricsAnswer>['instances']['details'][string];
type Figures = Omit<z.input<typeof instanceMetricsAnswer>, 'timestamp'>;

/** Metrics of the instances, individually and in total. */
export class InstanceFigures {
  readonly #balancer: LoadBalancer;
  readonly #sum: Sum;

  /** @param sum counts of all servers, and their running jobs */
  constructor(balancer: LoadBalancer, sum: Sum) {
    this.#balancer = balancer;
    this.#sum = sum;
  }

  /** Returns the number of instances, and how much of their capacity is used. */
  fleet(): Fleet {
    const { instances, fullCapacity: max, healthyCount: healthy } = this.#balancer;
    const current = instances.reduce((sum, instance) => sum + this.#sum.loadOf(instance), 0);
    return {
      total: instances.length,
      healthy,
      unhealthy: instances.length - healthy,
      current_load: current,
      max_load: max,
      utilization_percentage: share(current, max),
    };
  }

  /** Returns an instance for the overview. */
  details(instance: Instance): Details {
    const tally = this.#sum.recorder.ofInstance(instance.host);
    return {
      status: instance.isHealthy ? 'healthy' : 'unhealthy',
      jobs_processed: tally.processed,
      success_rate: rounded(tally.successRate, 4),
      average_response_time_ms: rounded(instance.health.averageResponseTimeMs ?? null, 1),
      current_load: this.#sum.loadOf(instance),
      max_load: instance.settings.maxJobs,
    };
  }

  /** Returns an instance in detail. */
  figures(instance: Instance): Figures {
    const tally = this.#sum.recorder.ofInstance(instance.host);
    const { average_response_time_ms: _average, ...details } = this.details(instance);
    const { lastCheck, responseTimeMs } = instance.health;
    return {
      id: instance.address.id,
      host: instance.host,
      ...details,
      last_health_check: isoOrNull(lastCheck),
      response_time_ms: rounded(responseTimeMs ?? null, 1),
      error_rate: rounded(tally.failureRate, 4),
      utilization_percentage: share(this.#sum.loadOf(instance), instance.settings.maxJobs),
      average_processing_time_seconds: seconds(tally.durations.average),
      fastest_processing_time_seconds: seconds(tally.durations.min),
      slowest_processing_time_seconds: seconds(tally.durations.max),
      job_types: { ...tally.byType },
    };
  }
}
