/** The Comfy API v2, as its published description has it. Clients pass over fields that they do not know. */
import { z } from 'zod';
import { isoTime } from './common.js';

const hash = z.string().regex(/^blake3:[0-9a-f]{64}$/);

/** A file that a client left, or that a job made. */
export const comfyAsset = z.object({
  id: z.string(),
  hash: hash.nullable(),
  size_bytes: z.int().nonnegative(),
  content_type: z.string(),
  file_path: z.string().nullable(),
  /** Whether its owner had not sent these bytes before. */
  created_new: z.boolean().optional(),
  created_at: isoTime,
  url: z.string(),
  url_expires_at: isoTime,
  expires_at: isoTime,
  /** Of the job that made it. */
  job_id: z.string().optional(),
});

export const COMFY_STATUSES = [
  'queued',
  'running',
  'succeeded',
  'canceling',
  'canceled',
  'failed',
  'expired',
] as const;

const comfyStatus = z.enum(COMFY_STATUSES);

export type ComfyStatus = z.output<typeof comfyStatus>;

export const comfyProgress = z.object({
  value: z.number().min(0).max(1),
  nodes_done: z.int().nonnegative(),
  nodes_total: z.int().nonnegative(),
  current_node: z.string().nullable(),
  current_node_class: z.string().nullable(),
  step: z.number().nullable(),
  steps: z.number().nullable(),
  message: z.string().nullable(),
});

/** One thing that a job made. It is an asset, too. */
export const comfyOutput = z.object({
  node_id: z.string(),
  name: z.string(),
  type: z.enum(['image', 'video', 'audio', 'text', 'file', 'latent']),
  content_type: z.string(),
  size_bytes: z.int().nonnegative(),
  id: z.string(),
  hash: hash.nullable(),
  url: z.string(),
  url_expires_at: isoTime,
  job_id: z.string(),
});

const comfyJobError = z.object({
  code: z.string(),
  message: z.string(),
  node_id: z.string().nullable(),
  class_type: z.string().nullable(),
  /** Its last line: the others show the machine's folders. */
  traceback: z.string().nullable(),
});

export const comfyJob = z.object({
  id: z.string(),
  status: comfyStatus,
  created_at: isoTime,
  started_at: isoTime.nullable(),
  completed_at: isoTime.nullable(),
  expires_at: isoTime,
  queue_position: z.int().positive().nullable(),
  progress: comfyProgress.nullable(),
  /** Grows while it runs. */
  outputs: z.array(comfyOutput),
  error: comfyJobError.nullable(),
  metrics: z.object({ queue_ms: z.int().nullable(), execution_ms: z.int().nullable() }),
  /** What came with the job. */
  metadata: z.string().optional(),
  urls: z.object({ self: z.string(), events: z.string(), cancel: z.string() }),
});

export const comfyJobList = z.object({ jobs: z.array(comfyJob), total: z.int().nonnegative() });

/** The graph as ComfyUI got it. */
export const comfyWorkflow = z.object({
  workflow: z.record(z.string(), z.unknown()),
  format: z.literal('api'),
});

export const comfyHealth = z.object({ status: z.literal('healthy') });

/** Every error of this API. */
export const comfyError = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});

/** What a job is submitted with. Fields that are not known are ignored. */
export const comfyJobBody = z.object({
  workflow: z.record(z.string(), z.unknown()).meta({
    description: 'The graph as exported with "Export (API)"; { "__type": "core/ASSET", … } for a file.',
  }),
  extra_data: z
    .object({
      api_key_comfy_org: z.string().optional().meta({ description: 'Key for paid nodes. Never stored.' }),
    })
    .optional(),
  metadata: z.string().optional().meta({ description: 'At most 1024 bytes, returned with the job.' }),
  priority: z.int().optional().meta({
    description:
      'Whole number from -10 to 10, for keys that are not admin up to MAX_PRIORITY. Other values are limited to this range.',
  }),
});

const lifetime = z
  .int()
  .min(60)
  .max(604_800)
  .optional()
  .meta({ description: 'Seconds for which the asset is kept. Default: ASSET_TTL.' });

/** Fields of an upload, but for the file itself. */
export const comfyUploadFields = z.object({
  content_type: z.string().optional(),
  file_path: z.string().max(1000, 'must have at most 1000 characters').optional(),
  expected_hash: z
    .string()
    .optional()
    .meta({ description: 'blake3:<hex>, compared with the received bytes.' }),
  expires_in: z.preprocess((value) => (typeof value === 'string' ? Number(value) : value), lifetime),
});

export const comfyFromHashBody = z.object({
  hash: z.string(),
  file_path: z.string().max(1000, 'must have at most 1000 characters').optional(),
  expires_in: lifetime,
});

export const comfyListQuery = z.object({
  status: comfyStatus.optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number from 1 to 1000')
    .transform(Number)
    .refine((n) => n >= 1 && n <= 1000, 'must be a number from 1 to 1000')
    .default(100)
    .meta({ type: 'integer', minimum: 1, maximum: 1000 }),
});
