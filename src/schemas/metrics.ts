import { z } from 'zod';
import { ERROR_CATEGORIES } from '../promptFailures.js';
import { isoTime } from './common.js';

const count = z.int().nonnegative();
/** 0..1; null if there are no jobs. */
const rate = z.number().min(0).max(1).nullable();
const seconds = z.number().nonnegative().nullable();
const milliseconds = z.number().nonnegative().nullable();
const perTime = z.number().nonnegative();

/** `GET /status/metrics`. */
export const statusMetricsAnswer = z.object({
  timestamp: isoTime,
  jobs: z.object({
    total_processed: count,
    success_rate: rate,
    jobs_per_hour: perTime,
    active_jobs: count,
    pending_jobs: count,
  }),
  performance: z.object({
    average_processing_time_seconds: seconds,
    p95_processing_time_ms: milliseconds,
    fastest_processing_time_seconds: seconds,
    slowest_processing_time_seconds: seconds,
  }),
  instances: z.object({ total: count, healthy: count, utilization_percentage: z.number().min(0).max(100) }),
  uptime: z.object({ total_hours: z.number().nonnegative(), last_restart: isoTime }),
});

/** Why a job failed. A text here, as the metrics file may have categories of an earlier version. */
export const errorCategory = z.string().meta({ enum: ERROR_CATEGORIES });

export const recentError = z.object({
  timestamp: isoTime,
  type: errorCategory,
  instance: z.string().nullable(),
  job_id: z.string(),
  job_type: z.string(),
  message: z.string(),
});

/** `GET /api/metrics`. */
export const metricsAnswer = z.object({
  timestamp: isoTime,
  uptime: z.object({ total_uptime_hours: z.number().nonnegative(), start_time: isoTime }),
  jobs: z.object({
    total_processed: count,
    success_rate: rate,
    failure_rate: rate,
    active_jobs: count,
    pending_jobs: count,
    completed_jobs: count,
    failed_jobs: count,
    cancelled_jobs: count,
    by_type: z.record(
      z.string(),
      z.object({ total: count, success_rate: rate, average_processing_time_seconds: seconds }),
    ),
  }),
  performance: z.object({
    average_processing_time_seconds: seconds,
    p50_processing_time_ms: milliseconds,
    p95_processing_time_ms: milliseconds,
    p99_processing_time_ms: milliseconds,
    queue_wait: z.object({ average_ms: milliseconds, p95_ms: milliseconds }),
    throughput: z.object({ jobs_per_hour: perTime, jobs_per_minute: perTime }),
  }),
  nodes: z
    .record(
      z.string(),
      z.array(
        z.object({
          class_type: z.string(),
          executions: count,
          total_seconds: z.number().nonnegative(),
          average_seconds: z.number().nonnegative(),
        }),
      ),
    )
    .meta({
      description:
        'Total execution time of the nodes of completed jobs, by job type and node class, longest first.',
    }),
  instances: z.object({
    total: count,
    healthy: count,
    unhealthy: count,
    details: z.record(
      z.string(),
      z.object({
        status: z.enum(['healthy', 'unhealthy']),
        jobs_processed: count,
        success_rate: rate,
        average_response_time_ms: milliseconds,
        current_load: count,
        max_load: count,
      }),
    ),
  }),
  errors: z.object({
    total_errors: count,
    error_rate: rate,
    by_type: z.record(z.string(), count),
    recent_errors: z.array(recentError),
  }),
});

const trend = z.object({ jobs_completed: count, average_processing_time_seconds: seconds });

/** `GET /api/metrics/performance`. */
export const performanceAnswer = z.object({
  timestamp: isoTime,
  processing_times: z.object({
    average_seconds: seconds,
    median_seconds: seconds,
    p95_milliseconds: milliseconds,
    p99_milliseconds: milliseconds,
    fastest_seconds: seconds,
    slowest_seconds: seconds,
  }),
  throughput: z.object({ jobs_per_hour: perTime, jobs_per_minute: perTime, jobs_per_second: perTime }),
  by_job_type: z.record(
    z.string(),
    z.object({
      average_processing_time_seconds: seconds,
      p95_processing_time_ms: milliseconds,
      throughput_per_hour: perTime,
    }),
  ),
  trends: z.object({ last_hour: trend, last_24_hours: trend }),
});

/** `GET /api/metrics/errors`. */
export const errorMetricsAnswer = z.object({
  timestamp: isoTime,
  summary: z.object({
    total_errors: count,
    error_rate: rate,
    errors_last_hour: count,
    errors_last_24_hours: count,
  }),
  by_type: z.record(
    z.string(),
    z.object({ count, percentage: z.number().min(0).max(100), last_occurrence: isoTime.nullable() }),
  ),
  by_instance: z.record(
    z.string(),
    z.object({ error_count: count, error_rate: rate, most_common_error: errorCategory.nullable() }),
  ),
  recent_errors: z.array(recentError),
});

export const instanceFigures = z.object({
  id: z.string(),
  host: z.string(),
  status: z.enum(['healthy', 'unhealthy']),
  last_health_check: isoTime.nullable(),
  response_time_ms: milliseconds,
  jobs_processed: count,
  success_rate: rate,
  error_rate: rate,
  current_load: count,
  max_load: count,
  utilization_percentage: z.number().min(0).max(100),
  average_processing_time_seconds: seconds,
  fastest_processing_time_seconds: seconds,
  slowest_processing_time_seconds: seconds,
  job_types: z.record(z.string(), count),
});

/** `GET /api/metrics/instances`. */
export const instancesMetricsAnswer = z.object({
  timestamp: isoTime,
  summary: z.object({
    total: count,
    healthy: count,
    unhealthy: count,
    jobs_processed: count,
    success_rate: rate,
    current_load: count,
    max_load: count,
    utilization_percentage: z.number().min(0).max(100),
  }),
  instances: z.array(instanceFigures),
});

/** `GET /api/metrics/instances/:host`. */
export const instanceMetricsAnswer = instanceFigures.extend({ timestamp: isoTime });

/** `POST /api/metrics/save`. */
export const metricsSavedAnswer = z.object({
  message: z.string(),
  timestamp: isoTime,
  file_path: z.string(),
  file_size_bytes: z.int().positive(),
});

/** `GET /api/metrics/persistence`. */
export const persistenceAnswer = z.object({
  enabled: z.boolean(),
  file_path: z.string(),
  save_interval_ms: count,
  last_save: isoTime.nullable(),
  next_save: isoTime.nullable(),
  file_size_bytes: count.nullable(),
  auto_save_enabled: z.boolean(),
  last_error: z.string().nullable(),
});

export const circuitBreaker = z.object({
  name: z.string(),
  host: z.string(),
  state: z.enum(['CLOSED', 'OPEN', 'HALF_OPEN']),
  failure_count: count,
  failure_threshold: z.int().positive(),
  reset_timeout_ms: z.int().positive(),
  last_failure_time: isoTime.nullable(),
  next_attempt_time: isoTime.nullable(),
  success_count: count,
  total_requests: count,
  error_rate: z.number().min(0).max(1),
  forced: z.boolean(),
  open_since: isoTime.nullable(),
});

/** `GET /api/circuit-breakers`. */
export const circuitBreakersAnswer = z.object({
  timestamp: isoTime,
  circuit_breakers: z.record(z.string(), circuitBreaker),
});

/** `POST /api/circuit-breakers/:name/open` and `/close`. */
export const circuitBreakerChangedAnswer = z.object({
  message: z.string(),
  circuit_breaker: circuitBreaker,
});

/** `GET /api/metrics/history`: the last hour by minute, oldest first. */
export const historyAnswer = z.object({
  timestamp: isoTime,
  minutes: z.array(
    z.object({
      time: isoTime,
      completed: z.int().nonnegative(),
      failed: z.int().nonnegative(),
      average_processing_time_seconds: z.number().nonnegative().nullable(),
    }),
  ),
});
