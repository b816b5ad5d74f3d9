import type { z } from 'zod';
import type {
  errorMetricsAnswer,
  historyAnswer,
  instanceMetricsAnswer,
  instancesMetricsAnswer,
  metricsAnswer,
  performanceAnswer,
  statusMetricsAnswer,
} from '../schemas/metrics.js';
import type { Instance } from '../services/instances/Instance.js';
import type { LoadBalancer } from '../services/instances/LoadBalancer.js';
import type { JobManager } from '../services/jobs/JobManager.js';
import type { Figures, Sum } from '../services/metrics/Figures.js';
import type { RecentError, Recorder } from '../services/metrics/Recorder.js';
import { type Clock, isoOrNull, toIso } from '../utils/clock.js';
import { hours, rounded, seconds, share } from '../utils/figures.js';
import { InstanceFigures } from './InstanceFigures.js';

const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
const HISTORY_MINUTES = 60;
/** In the overview; the errors view shows all. */
const ERRORS_IN_OVERVIEW = 10;

type IsShown = (owner: string | undefined) => boolean;

/** Metrics of all servers, as the metrics routes return them. With a single server, only the queue is read. */
export class MetricsViews {
  readonly #figures: Figures;
  readonly #recorder: Recorder;
  readonly #balancer: LoadBalancer;
  readonly #manager: JobManager;
  readonly #clock: Clock;

  constructor(
    parts: { figures: Figures; recorder: Recorder; balancer: LoadBalancer; manager: JobManager },
    clock: Clock,
  ) {
    this.#figures = parts.figures;
    this.#recorder = parts.recorder;
    this.#balancer = parts.balancer;
    this.#manager = parts.manager;
    this.#clock = clock;
  }

  /** `GET /status/metrics`. */
  async brief(): Promise<z.input<typeof statusMetricsAnswer>> {
    const sum = await this.#figures.read();
    const { all, totalUptimeMs } = sum.recorder;
    const { total, healthy, utilization_percentage } = this.#instances(sum).fleet();
    return {
      timestamp: this.#now(),
      jobs: {
        total_processed: all.processed,
        success_rate: rounded(all.successRate, 4),
        jobs_per_hour: perHour(sum.recorder),
        active_jobs: sum.activeJobs,
        pending_jobs: (await this.#manager.figures.waiting()).jobs,
      },
      performance: {
        average_processing_time_seconds: seconds(all.durations.average),
        p95_processing_time_ms: rounded(all.durations.percentile(95), 1),
        fastest_processing_time_seconds: seconds(all.durations.min),
        slowest_processing_time_seconds: seconds(all.durations.max),
      },
      instances: { total, healthy, utilization_percentage },
      uptime: { total_hours: hours(totalUptimeMs), last_restart: toIso(this.#recorder.startedAt) },
    };
  }

  /** `GET /api/metrics`. @param isShown whether errors of the jobs of an owner are listed */
  async overview(isShown: IsShown): Promise<z.input<typeof metricsAnswer>> {
    const sum = await this.#figures.read();
    const { all, waiting, byType, nodes, recentErrors, firstStart, totalUptimeMs } = sum.recorder;
    const instances = this.#instances(sum);
    const { total, healthy, unhealthy } = instances.fleet();
    const hourly = perHour(sum.recorder);
    return {
      timestamp: this.#now(),
      uptime: { total_uptime_hours: hours(totalUptimeMs), start_time: toIso(firstStart) },
      jobs: {
        total_processed: all.processed,
        success_rate: rounded(all.successRate, 4),
        failure_rate: rounded(all.failureRate, 4),
        active_jobs: sum.activeJobs,
        pending_jobs: (await this.#manager.figures.waiting()).jobs,
        completed_jobs: all.completed,
        failed_jobs: all.failed,
        cancelled_jobs: all.cancelled,
        by_type: mapValues(byType, (tally) => ({
          total: tally.processed,
          success_rate: rounded(tally.successRate, 4),
          average_processing_time_seconds: seconds(tally.durations.average),
        })),
      },
      performance: {
        average_processing_time_seconds: seconds(all.durations.average),
        p50_processing_time_ms: rounded(all.durations.percentile(50), 1),
        p95_processing_time_ms: rounded(all.durations.percentile(95), 1),
        p99_processing_time_ms: rounded(all.durations.percentile(99), 1),
        queue_wait: {
          average_ms: rounded(waiting.average, 1),
          p95_ms: rounded(waiting.percentile(95), 1),
        },
        throughput: { jobs_per_hour: hourly, jobs_per_minute: rounded(hourly / 60, 4) },
      },
      nodes: mapValues(nodes.all(), (classes) =>
        classes.map(({ classType, executions, ms }) => ({
          class_type: classType,
          executions,
          total_seconds: rounded(ms / 1000, 3),
          average_seconds: rounded(ms / executions / 1000, 3),
        })),
      ),
      instances: {
        total,
        healthy,
        unhealthy,
        details: Object.fromEntries(
          this.#balancer.instances.map((instance) => [instance.host, instances.details(instance)]),
        ),
      },
      errors: {
        total_errors: all.failed,
        error_rate: rounded(all.failureRate, 4),
        by_type: { ...all.byCategory },
        recent_errors: shownErrors(recentErrors, isShown).slice(0, ERRORS_IN_OVERVIEW),
      },
    };
  }

  /** `GET /api/metrics/performance`. */
  async performance(): Promise<z.input<typeof performanceAnswer>> {
    const { recorder } = await this.#figures.read();
    const { durations } = recorder.all;
    const hourly = perHour(recorder);
    return {
      timestamp: this.#now(),
      processing_times: {
        average_seconds: seconds(durations.average),
        median_seconds: seconds(durations.percentile(50)),
        p95_milliseconds: rounded(durations.percentile(95), 1),
        p99_milliseconds: rounded(durations.percentile(99), 1),
        fastest_seconds: seconds(durations.min),
        slowest_seconds: seconds(durations.max),
      },
      throughput: {
        jobs_per_hour: hourly,
        jobs_per_minute: rounded(hourly / 60, 4),
        jobs_per_second: rounded(hourly / 3600, 6),
      },
      by_job_type: mapValues(recorder.byType, (tally, type) => ({
        average_processing_time_seconds: seconds(tally.durations.average),
        p95_processing_time_ms: rounded(tally.durations.percentile(95), 1),
        throughput_per_hour: perHour(recorder, type),
      })),
      trends: { last_hour: trend(recorder, HOUR_MINUTES), last_24_hours: trend(recorder, DAY_MINUTES) },
    };
  }

  /** `GET /api/metrics/errors`. @param isShown whether errors of the jobs of an owner are listed */
  async errors(isShown: IsShown): Promise<z.input<typeof errorMetricsAnswer>> {
    const { recorder } = await this.#figures.read();
    const { all, byInstance, lastByCategory, recentErrors } = recorder;
    return {
      timestamp: this.#now(),
      summary: {
        total_errors: all.failed,
        error_rate: rounded(all.failureRate, 4),
        errors_last_hour: recorder.last(HOUR_MINUTES).failed,
        errors_last_24_hours: recorder.last(DAY_MINUTES).failed,
      },
      by_type: mapValues(new Map(Object.entries(all.byCategory)), (count, category) => {
        const last = lastByCategory.get(category);
        return {
          count,
          percentage: share(count, all.failed),
          last_occurrence: isoOrNull(last),
        };
      }),
      by_instance: mapValues(byInstance, (tally) => ({
        error_count: tally.failed,
        error_rate: rounded(tally.failureRate, 4),
        most_common_error: tally.mostCommonError,
      })),
      recent_errors: shownErrors(recentErrors, isShown),
    };
  }

  /** `GET /api/metrics/instances`. */
  async instances(): Promise<z.input<typeof instancesMetricsAnswer>> {
    const sum = await this.#figures.read();
    const { all } = sum.recorder;
    const instances = this.#instances(sum);
    return {
      timestamp: this.#now(),
      summary: {
        ...instances.fleet(),
        jobs_processed: all.processed,
        success_rate: rounded(all.successRate, 4),
      },
      instances: this.#balancer.instances.map((instance) => instances.figures(instance)),
    };
  }

  /** `GET /api/metrics/instances/:host`. */
  async instance(instance: Instance): Promise<z.input<typeof instanceMetricsAnswer>> {
    const sum = await this.#figures.read();
    return { timestamp: this.#now(), ...this.#instances(sum).figures(instance) };
  }

  /** `GET /api/metrics/history`. */
  async history(): Promise<z.input<typeof historyAnswer>> {
    const { recorder } = await this.#figures.read();
    return {
      timestamp: this.#now(),
      minutes: recorder
        .byMinute(HISTORY_MINUTES)
        .map(({ start, completed, failed, averageProcessingMs }) => ({
          time: toIso(start),
          completed,
          failed,
          average_processing_time_seconds: seconds(averageProcessingMs),
        })),
    };
  }

  #now(): string {
    return toIso(this.#clock.now());
  }

  #instances(sum: Sum): InstanceFigures {
    return new InstanceFigures(this.#balancer, sum);
  }
}

/** Returns the number of jobs that completed or failed in the last hour. */
function perHour(recorder: Recorder, type?: string): number {
  const { completed, failed } = recorder.last(HOUR_MINUTES, type);
  return completed + failed;
}

function trend(
  recorder: Recorder,
  minutes: number,
): { jobs_completed: number; average_processing_time_seconds: number | null } {
  const { completed, averageProcessingMs } = recorder.last(minutes);
  return { jobs_completed: completed, average_processing_time_seconds: seconds(averageProcessingMs) };
}

function mapValues<V, R>(map: ReadonlyMap<string, V>, view: (value: V, key: string) => R): Record<string, R> {
  return Object.fromEntries([...map].map(([key, value]) => [key, view(value, key)]));
}

/** Returns errors without those of jobs that the caller may not see: their messages may quote a prompt. */
function shownErrors(errors: readonly RecentError[], isShown: IsShown): ReturnType<typeof errorView>[] {
  return errors.filter(({ owner }) => isShown(owner)).map(errorView);
}

/** Shows the message without a stack trace. */
function errorView({ time, category, instance, jobId, jobType, message }: RecentError) {
  return {
    timestamp: toIso(time),
    type: category,
    instance,
    job_id: jobId,
    job_type: jobType,
    message,
  };
}
