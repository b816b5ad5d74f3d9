import { z } from 'zod';
import { headerLine } from '../utils/headerLine.js';
import { isoTime } from './common.js';

const count = z.int().nonnegative();

/** Goes into a path, and into labels of metrics. */
const machineName = z
  .string()
  .regex(/^[A-Za-z0-9[][A-Za-z0-9._:[\]-]{0,99}$/)
  .meta({ description: 'Letters, digits and ._:-; its host and port where it is left out.' });

const labels = z
  .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,62}$/))
  .max(50)
  .meta({ description: 'What workflows may ask for in their manifest, such as a kind of GPU.' });

const maxJobs = z
  .int()
  .min(1)
  .max(1000)
  .meta({ description: 'Jobs that it takes at once; MAX_JOBS_PER_INSTANCE where it is left out.' });

/** One machine: an entry of `INSTANCES_FILE`, and what is sent with `POST /api/instances`. */
export const machineEntry = z.strictObject({
  url: z.string().min(1).max(2000).meta({
    description:
      'http(s)://host:port, also with a path; dns+http(s)://name:port for every address that a name has.',
  }),
  name: machineName.optional(),
  auth_header: headerLine
    .optional()
    .meta({ description: 'One header as "Name: value", sent with everything to it. Never shown or logged.' }),
  ca_file: z.string().min(1).optional().meta({
    description: 'A file of the server with the certificates (PEM) that its https is checked against.',
  }),
  max_jobs: maxJobs.optional(),
  labels: labels.optional(),
});

export type MachineEntry = z.output<typeof machineEntry>;

/** What is sent with `PATCH /api/instances/{name}`. */
export const machinePatch = z
  .strictObject({
    max_jobs: maxJobs.optional(),
    labels: labels.optional(),
    state: z.enum(['active', 'draining']).optional().meta({
      description: 'draining: it gets no more jobs, running ones end normally.',
    }),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'takes at least one of max_jobs, labels, state');

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
      'warming: it runs each workflow once before its first job (WARMUP). leaving: it was removed and still has jobs.',
  }),
  health: z.enum(['healthy', 'unhealthy']),
  /** Why it gets no jobs; null where it may have some. */
  reason: z.string().nullable(),
  /** Since when it cannot be reached. */
  down_since: isoTime.nullable(),
  version: z.string().nullable(),
  max_jobs: count,
  active_jobs: count,
  /** Prompts of other users in its queue. */
  other_prompts: count,
  labels: z.array(z.string()),
  /** Model files that its last jobs loaded, as far as this server knows. */
  loaded_models: z.array(z.string()),
  /** Seconds of one execution by workflow, as measured there. */
  seconds_by_workflow: z.record(z.string(), z.number().nonnegative()),
  /** What it lacks, by workflow. */
  missing: z.record(z.string(), z.array(z.string())),
});

/** `GET /api/instances`. */
export const instancesAnswer = z.object({
  timestamp: isoTime,
  instances: z.array(instance),
  /** Entries that cannot be used, such as a machine that is listed twice. */
  problems: z.array(z.string()),
});

/** `POST`, `PATCH` and `DELETE` of one: what it is now. */
export const instanceAnswer = z.object({ timestamp: isoTime, instances: z.array(instance) });
