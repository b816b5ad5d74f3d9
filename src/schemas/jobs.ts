import { z } from 'zod';
import { errorCode, isoTime, jobStatus, outputFormat } from './common.js';
import { imageResult, outputFields, result } from './outputs.js';

/** Notes about an accepted submission, one sentence each. */
const warnings = z.array(z.string()).optional();

/** 200 of a synchronous request to a built-in workflow. */
export const syncAnswer = z.object({
  success: z.literal(true),
  message: z.string(),
  job_id: z.uuid(),
  result: imageResult,
  comfyui_instance: z.string(),
  ...outputFields.shape,
  warnings,
});

/** 200 of a synchronous request to any workflow. */
export const anySyncAnswer = syncAnswer.extend({ result });

/** 202 of an asynchronous request. After a replay, the job may no longer be pending. */
export const asyncAnswer = z.object({
  job_id: z.uuid(),
  status: jobStatus,
  message: z.string(),
  estimated_completion_time: isoTime,
  estimated_completion_time_seconds: z.number().nonnegative(),
  // 0 if it is no longer pending.
  queue_position: z.int().nonnegative(),
  status_url: z.string(),
  result_url: z.string(),
  events_url: z.string(),
  cancel_url: z.string(),
  warnings,
});

const statusBase = z.object({
  job_id: z.uuid(),
  type: z.string(),
  created_time: isoTime,
  updated_time: isoTime,
  processing_time_seconds: z.number().nonnegative(),
  comfyui_instance: z.string().nullable(),
  message: z.string(),
  progress_percentage: z.number().min(0).max(100),
  attempts: z.int().nonnegative(),
  warnings,
});

/** A job's status, by its state. */
export const jobStatusAnswer = z.discriminatedUnion('status', [
  statusBase.extend({
    status: z.literal('pending'),
    queue_position: z.int().positive(),
    estimated_completion_time_seconds: z.number().nonnegative().optional().meta({
      description: 'Absent while no machine can run the job.',
    }),
  }),
  statusBase.extend({
    status: z.literal('processing'),
    // Absent between the choice of an instance and its response.
    prompt_id: z.string().optional(),
    estimated_remaining_time_seconds: z.number().nonnegative(),
    current_node: z.string().optional(),
  }),
  statusBase.extend({
    status: z.literal('completed'),
    completed_time: isoTime,
    result_url: z.string(),
    ...outputFields.shape,
  }),
  statusBase.extend({
    status: z.literal('failed'),
    failed_time: isoTime,
    error: z.string(),
    error_code: errorCode,
    error_details: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  }),
  statusBase.extend({ status: z.literal('cancelled'), cancelled_time: isoTime }),
]);

/** 200 of `GET /api/jobs/:id/result`. */
export const jobResultAnswer = z.object({
  job_id: z.uuid(),
  status: z.literal('completed'),
  type: z.string(),
  completed_time: isoTime,
  processing_time_seconds: z.number().nonnegative(),
  result,
  ...outputFields.shape,
});

const epochMs = z.int().positive();

/** Of the first image, otherwise of the first file; most of it is absent for a job without files. */
export const jobInput = z.looseObject({
  imageSize: z.int().positive().optional(),
  mimeType: z.string().optional(),
  originalFilename: z.string(),
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  // Absent if images stay as ComfyUI produced them.
  format: outputFormat.optional(),
});

/** Of the primary output. */
export const jobOutcome = z.object({
  promptId: z.string(),
  mimeType: z.string(),
  sizeBytes: z.int().nonnegative(),
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
});

/** The delivery of a job's end. */
export const jobWebhook = z.object({
  /** Without the query, which may contain secrets. */
  url: z.string(),
  events: z.array(jobStatus),
  state: z.enum(['waiting', 'delivering', 'delivered', 'given_up', 'not_asked_for']),
  attempts: z.array(z.object({ time: epochMs, status: z.int().optional(), error: z.string().optional() })),
  nextAttemptTime: epochMs.optional(),
  /** Why the delivery was abandoned. */
  reason: z.string().optional(),
});

/** A job in lists and in `/info`; times in epoch ms, sizes in bytes, no image data. */
export const jobRecord = z.object({
  id: z.uuid(),
  type: z.string(),
  status: jobStatus,
  createdTime: epochMs,
  updatedTime: epochMs,
  processingStartTime: epochMs.optional(),
  completedTime: epochMs.optional(),
  failedTime: epochMs.optional(),
  cancelledTime: epochMs.optional(),
  processingDuration: z.number().nonnegative().optional(),
  comfyuiInstance: z.string().nullable(),
  promptId: z.string().optional(),
  attempts: z.int().nonnegative(),
  requestId: z.string(),
  data: jobInput,
  result: jobOutcome.optional(),
  webhook: jobWebhook.optional(),
  error: z.string().optional(),
  errorCode: errorCode.optional(),
});

const secondsFromThen = z.number().nonnegative();

/** A job's record, with why it waits or was given to its machine, and where its time went. */
export const jobInfo = jobRecord.extend({
  nodes: z
    .array(z.object({ node_id: z.string(), class_type: z.string(), seconds: z.number().nonnegative() }))
    .optional()
    .meta({
      description:
        'Execution time of each node of a completed job, for at most 100 nodes. Nodes with a cached result are omitted.',
    }),
  // Absent where the server that was asked does not know: it began long ago, or another server has it.
  scheduling: z
    .object({
      state: z.enum(['waiting', 'assigned']),
      reason: z.enum([
        'no machine can run it',
        'waits for its turn',
        'waits for a faster machine',
        'next in turn',
        'skipped for too long',
        'models are loaded',
      ]),
      // Where it runs, or would.
      machine: z.string().nullable(),
      jobs_ahead: z.int().nonnegative().optional(),
      expected_seconds: secondsFromThen.optional(),
      // At most eight, the earliest result first.
      considered: z.array(
        z.object({
          machine: z.string(),
          is_free: z.boolean(),
          expected_seconds: secondsFromThen,
          wait_seconds: secondsFromThen,
          load_seconds: secondsFromThen,
        }),
      ),
    })
    .optional(),
});

export const jobListAnswer = z.object({
  jobs: z.array(jobRecord),
  total: z.int().nonnegative(),
  limit: z.int(),
  offset: z.int(),
});

const wholeNumber = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`)
    .default(fallback);

/** Query of `GET /api/jobs/list`. */
export const jobListQuery = z.object({
  status: z.enum(jobStatus.options, { error: `must be one of ${jobStatus.options.join(', ')}` }).optional(),
  type: z.string({ error: 'must be a job type' }).optional(),
  instance: z.string({ error: 'must be a host' }).optional(),
  limit: wholeNumber(1, 1000, 100),
  offset: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0),
});

export const deletedAnswer = z.object({ message: z.string(), job_id: z.string() });

export const cleanupAnswer = z.object({ message: z.string(), cleanedCount: z.int().nonnegative() });

const counts = z.record(z.string(), z.int().nonnegative());

export const jobStatsAnswer = z.object({
  total: z.int().nonnegative(),
  byStatus: z.object({
    pending: z.int(),
    processing: z.int(),
    completed: z.int(),
    failed: z.int(),
    cancelled: z.int(),
  }),
  byType: counts,
  byInstance: counts,
});

export const processorStatsAnswer = z.object({
  isRunning: z.boolean(),
  activeJobs: z.int().nonnegative(),
  pendingJobs: z.int().nonnegative(),
  maxConcurrentJobs: z.int().positive(),
  maxJobsPerInstance: z.int().positive(),
  processingInterval: z.int().positive(),
  instanceJobCounts: counts,
});
