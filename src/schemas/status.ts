import { z } from 'zod';
import { isoTime } from './common.js';

const state = z.enum(['healthy', 'degraded', 'critical']);
const count = z.int().nonnegative();

/** One machine in `GET /health`. */
export const instanceHealth = z.object({
  id: z.string(),
  host: z.string(),
  status: z.enum(['healthy', 'unhealthy']),
  last_check: isoTime.nullable(),
  response_time_ms: z.number().nonnegative().nullable(),
  active_jobs: count,
  circuit_breaker: z.object({
    state: z.enum(['CLOSED', 'OPEN', 'HALF_OPEN']),
    failures: count,
    error_rate: z.number().min(0).max(1),
    forced: z.boolean().meta({
      description: 'Opened manually: the instance gets no jobs until the breaker is closed manually.',
    }),
    open_since: isoTime.nullable().meta({ description: 'Time since when it is not closed.' }),
  }),
  state: z.literal('warming').optional().meta({
    description: 'WARMUP runs workflows on it before its first job.',
  }),
  prompts_of_others: z.int().positive().optional().meta({
    description: 'Prompts in its queue that this server, and those that share its jobs, did not submit.',
  }),
  missing_nodes: z.array(z.string()).optional(),
  down_since: isoTime.optional().meta({ description: 'Time since when it has not been reachable.' }),
  last_error: z.string().optional().meta({
    description: 'Error of the last request to it. Omitted for callers without a key if the server has keys.',
  }),
  problem: z.string().optional().meta({
    description:
      'Why it gets no jobs although it responds, for example because several machines share its address.',
  }),
  problem_since: isoTime.optional().meta({ description: 'Time since when it has the problem.' }),
});

/** `GET /health`. */
export const healthAnswer = z.object({
  status: state,
  /** Of the server. */
  version: z.string(),
  timestamp: isoTime,
  issues: z.array(z.string()),
  uptime: z.object({
    total_uptime_hours: z.number().nonnegative(),
    process_uptime_seconds: z.number().nonnegative(),
    started_at: isoTime,
  }),
  comfyui_instances: z.object({
    total: count,
    healthy: count,
    unhealthy: count,
    instances: z.array(instanceHealth),
  }),
  job_processing: z.object({
    processor_running: z.boolean(),
    active_jobs: count,
    pending_jobs: count,
    total_jobs: count,
    max_concurrent_jobs: z.int().positive(),
  }),
  connections: z.record(z.string(), z.object({ total: count, connected: count, in_use: count })),
  performance: z.object({
    total_jobs_processed: count,
    success_rate: z.string().nullable(),
    average_processing_time_seconds: z.number().nonnegative().nullable(),
    jobs_processed_last_hour: count,
  }),
  memory: z.object({
    used_mb: z.number().positive(),
    rss_mb: z.number().positive(),
    usage_percentage: z.number().positive(),
  }),
});

/** `GET /livez`. */
export const livezAnswer = z.object({ status: z.literal('alive') });

/** `GET /readyz`. */
export const readyzAnswer = z.object({ status: z.literal('ready') });

/** `GET /status`. */
export const statusAnswer = z.object({
  status: state,
  healthy_instances: count,
  total_instances: count,
  active_jobs: count,
  pending_jobs: count,
  uptime_hours: z.number().nonnegative(),
  processor_running: z.boolean(),
  timestamp: isoTime,
});
