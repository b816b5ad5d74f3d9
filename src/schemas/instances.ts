import { z } from 'zod';
import { headerLine } from '../utils/headerLine.js';
import { isoTime } from './common.js';

const count = z.int().nonnegative();

/** Goes into a path, and into labels of metrics. */
const machineName = z
  .string()
  .regex(/^[A-Za-z0-9[][A-Za-z0-9._:[\]-]{0,99}$/, 'must have 1 to 100 letters, digits and ._:-')
  .meta({ description: 'Letters, digits and ._:-. Default: host and port.' });

const labels = z
  .array(
    z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,62}$/,
        'must be a list of labels with 1 to 63 letters, digits and ._:/-',
      ),
  )
  .max(50)
  .meta({ description: 'Labels that workflows can require in their manifest, such as a type of GPU.' });

const maxJobs = z
  .int()
  .min(1)
  .max(1000)
  .meta({ description: 'Maximum number of jobs at the same time. Default: MAX_JOBS_PER_INSTANCE.' });

/** One machine: an entry of `INSTANCES_FILE`, and the body of `POST /api/instances`. */
export const machineEntry = z.strictObject({
  url: z.string().min(1).max(2000).meta({
    description:
      'http(s)://host:port, optionally with a path; dns+http(s)://name:port for every address of a name.',
  }),
  name: machineName.optional(),
  auth_header: headerLine.optional().meta({
    description:
      'One header as "Name: value" for every request and WebSocket to this machine. Never shown or logged.',
  }),
  ca_file: z.string().min(1).optional().meta({
    description: 'A file on the server with CA certificates (PEM) for a machine with HTTPS.',
  }),
  max_jobs: maxJobs.optional(),
  labels: labels.optional(),
});

export type MachineEntry = z.output<typeof machineEntry>;

/** The body of `PATCH /api/instances/{name}`. */
export const machinePatch = z
  .strictObject({
    max_jobs: maxJobs.optional(),
    labels: labels.optional(),
    state: z.enum(['active', 'draining']).optional().meta({
      description: 'draining: no new jobs; running jobs finish normally.',
    }),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'must have at least one of max_jobs, labels, state');

export type MachinePatch = z.output<typeof machinePatch>;

/** Where a machine is listed. */
export const machineOrigin = z.enum(['environment', 'file', 'api']);

/** One machine, as it is. */
export const instance = z.object({
  name: z.string(),
  host: z.string(),
  origin: machineOrigin,
  state: z.enum(['active', 'warming', 'draining', 'leaving']).meta({
    description:
      'warming: WARMUP runs each workflow once before the first job. leaving: removed, but jobs are still running.',
  }),
  health: z.enum(['healthy', 'unhealthy']),
  /** Why it gets no jobs; null if it can get jobs. */
  reason: z.string().nullable(),
  /** Since when it is unreachable. */
  down_since: isoTime.nullable(),
  version: z.string().nullable(),
  max_jobs: count,
  active_jobs: count,
  /** Prompts of other users in its queue. */
  other_prompts: count,
  labels: z.array(z.string()),
  /** Model files that its latest jobs loaded, as far as this server knows. */
  loaded_models: z.array(z.string()),
  /** Seconds of one execution by workflow, as measured there. */
  seconds_by_workflow: z.record(z.string(), z.number().nonnegative()),
  /** Missing nodes, models and labels, by workflow. */
  missing: z.record(z.string(), z.array(z.string())),
});

/** `GET /api/instances`. */
export const instancesAnswer = z.object({
  timestamp: isoTime,
  instances: z.array(instance),
  /** Invalid entries, such as a machine that is listed twice, and changes that cannot be read. */
  problems: z.array(z.string()),
});

/** The response of `POST`, `PATCH` and `DELETE`: the instance as it is now. */
export const instanceAnswer = z.object({ timestamp: isoTime, instances: z.array(instance) });
