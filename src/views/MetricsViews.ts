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
import type { JobProcessor } from '../services/jobs/JobProcessor.js';
import type { RecentError, Recorder } from '../services/metrics/Recorder.js';
import { type Clock, isoOrNull, toIso } from '../utils/clock.js';
import { hours, rounded, seconds, share } from '../utils/figures.js';
import { InstanceFigures } from './InstanceFigures.js';

const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
const HISTORY_MINUTES = 60;
/** In the overview; the errors' own view has all that are kept. */
const ERRORS_IN_OVERVIEW = 10;

/** The figures as the metrics routes return them. Nothing but the queue is asked. */
export class MetricsViews {
  readonly #recorder: Recorder;
  readonly #instances: InstanceFigures;
  readonly #manager: JobManager;
  readonly #processor: JobProcessor;
  readonly #clock: Clock;

  constructor(
    parts: { recorder: Recorder; balancer: LoadBalancer; manager: JobManager; processor: JobProcessor },
    clock: Clock,
  ) {
    this.#recorder = parts.recorder;
    this.#instances = new InstanceFigures(parts.balancer, parts.recorder);
    this.#manager = parts.manager;
    this.#processor = parts.processor;
    this.#clock = clock;
  }

  /** `GET /status/metrics`. */
  async brief(): Promise<z.input<typeof statusMetricsAnswer>> {
    const { all, startedAt, totalUptimeMs } = this.#recorder;
    const { total, healthy, utilization_percentage } = this.#instances.fleet();
    return {
      timestamp: this.#now(),
      jobs: {
        total_processed: all.processed,
        success_rate: rounded(all.successRate, 4),
        jobs_per_hour: this.#perHour(),
        active_jobs: this.#processor.activeJobs,
        pending_jobs: (await this.#manager.figures.waiting()).jobs,
      },
      performance: {
        average_processing_time_seconds: seconds(all.durations.average),
        p95_processing_time_ms: rounded(all.durations.percentile(95), 1),
        fastest_processing_time_seconds: seconds(all.durations.min),
        slowest_processing_time_seconds: seconds(all.durations.max),
      },
      instances: { total, healthy, utilization_percentage },
      uptime: { total_hours: hours(totalUptimeMs), last_restart: toIso(startedAt) },
    };
  }

  /** `GET /api/metrics`. */
  async overview(): Promise<z.input<typeof metricsAnswer>> {
    const { all, waiting, byType, recentErrors, firstStart, totalUptimeMs } = this.#recorder;
    const { total, healthy, unhealthy } = this.#instances.fleet();
    const perHour = this.#perHour();
    return {
      timestamp: this.#now(),
      uptime: { total_uptime_hours: hours(totalUptimeMs), start_time: toIso(firstStart) },
      jobs: {
        total_processed: all.processed,
        success_rate: rounded(all.successRate, 4),
        failure_rate: rounded(all.failureRate, 4),
        active_jobs: this.#processor.activeJobs,
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
        throughput: { jobs_per_hour: perHour, jobs_per_minute: rounded(perHour / 60, 4) },
      },
      instances: {
        total,
        healthy,
        unhealthy,
        details: Object.fromEntries(
          this.#instances.instances.map((instance) => [instance.host, this.#instances.details(instance)]),
        ),
      },
      errors: {
        total_errors: all.failed,
        error_rate: rounded(all.failureRate, 4),
        by_type: { ...all.byCategory },
        recent_errors: recentErrors.slice(0, ERRORS_IN_OVERVIEW).map(errorView),
      },
    };
  }

  /** `GET /api/metrics/performance`. */
  performance(): z.input<typeof performanceAnswer> {
    const { durations } = this.#recorder.all;
    const perHour = this.#perHour();
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
        jobs_per_hour: perHour,
        jobs_per_minute: rounded(perHour / 60, 4),
        jobs_per_second: rounded(perHour / 3600, 6),
      },
      by_job_type: mapValues(this.#recorder.byType, (tally, type) => ({
        average_processing_time_seconds: seconds(tally.durations.average),
        p95_processing_time_ms: rounded(tally.durations.percentile(95), 1),
        throughput_per_hour: this.#perHour(type),
      })),
      trends: { last_hour: this.#trend(HOUR_MINUTES), last_24_hours: this.#trend(DAY_MINUTES) },
    };
  }

  /** `GET /api/metrics/errors`. */
  errors(): z.input<typeof errorMetricsAnswer> {
    const { all, byInstance, lastByCategory, recentErrors } = this.#recorder;
    return {
      timestamp: this.#now(),
      summary: {
        total_errors: all.failed,
        error_rate: rounded(all.failureRate, 4),
        errors_last_hour: this.#recorder.last(HOUR_MINUTES).failed,
        errors_last_24_hours: this.#recorder.last(DAY_MINUTES).failed,
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
      recent_errors: recentErrors.map(errorView),
    };
  }

  /** `GET /api/metrics/instances`. */
  instances(): z.input<typeof instancesMetricsAnswer> {
    const { all } = this.#recorder;
    return {
      timestamp: this.#now(),
      summary: {
        ...this.#instances.fleet(),
        jobs_processed: all.processed,
        success_rate: rounded(all.successRate, 4),
      },
      instances: this.#instances.instances.map((instance) => this.#instances.figures(instance)),
    };
  }

  /** `GET /api/metrics/instances/:host`. */
  instance(instance: Instance): z.input<typeof instanceMetricsAnswer> {
    return { timestamp: this.#now(), ...this.#instances.figures(instance) };
  }

  /** `GET /api/metrics/history`. */
  history(): z.input<typeof historyAnswer> {
    return {
      timestamp: this.#now(),
      minutes: this.#recorder
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

  /** Jobs that completed or failed in the last hour. */
  #perHour(type?: string): number {
    const { completed, failed } = this.#recorder.last(HOUR_MINUTES, type);
    return completed + failed;
  }

  #trend(minutes: number): { jobs_completed: number; average_processing_time_seconds: number | null } {
    const { completed, averageProcessingMs } = this.#recorder.last(minutes);
    return { jobs_completed: completed, average_processing_time_seconds: seconds(averageProcessingMs) };
  }
}

function mapValues<V, R>(map: ReadonlyMap<string, V>, view: (value: V, key: string) => R): Record<string, R> {
  return Object.fromEntries([...map].map(([key, value]) => [key, view(value, key)]));
}

/** No stack trace: only the message. */
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
