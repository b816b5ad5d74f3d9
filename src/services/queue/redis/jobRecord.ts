/**
 * A job as text. The first line has its index terms, so that scripts in Redis need not parse JSON; the second line is
 * the job.
 */
import { z } from 'zod';
import { JOB_STATUSES, type JobStatus } from '../../../schemas/jobStatus.js';
import { parseTagged, stringifyTagged } from '../../../utils/taggedJson.js';
import { assignmentOf, isFinished, type Job, type JobRequest } from '../../jobs/Job.js';

/**
 * Version of the format. A newer server reads all older ones. New fields need no new version: an older server keeps
 * unknown fields. A new version is a record that an older server would misinterpret.
 */
const VERSION = 1;

type WithoutWorkflow<J extends Job> = J extends Job
  ? Omit<J, 'request'> & { readonly request: Omit<JobRequest, 'workflow'> }
  : never;

/** A job whose workflow is stored separately. */
export type StoredJob = WithoutWorkflow<Job>;

/** The index terms of a job. */
export type Facet = 'status' | 'type' | 'instance' | 'owner' | 'workflow' | 'webhook';

/** The term of a job with an unsent webhook: in the index until a server has stored the delivery. */
export const UNTOLD_ENDS = 'webhook:untold';

/** Returns the index terms of a job, such as `instance:gpu-1%3A8188`; none for undefined values. */
export function facetWords(facets: { readonly [F in Facet]?: string | undefined }): string[] {
  return Object.entries(facets).flatMap(([facet, value]) =>
    // Without spaces and invalid Unicode.
    value === undefined
      ? []
      : [`${facet}:${encodeURIComponent(value.replaceAll(/\p{Surrogate}/gu, '\uFFFD'))}`],
  );
}

/** Returns the value of a term; undefined for one that no server wrote. */
export function facetValue(word: string): string | undefined {
  try {
    return decodeURIComponent(word.slice(word.indexOf(':') + 1));
  } catch {
    return undefined;
  }
}

/** @param definition name of the workflow's definition, if it has one */
export function writeRecord(job: Job, definition: string | undefined): string {
  const { workflow: _workflow, ...request } = job.request;
  const body = stringifyTagged({ v: VERSION, definition, job: { ...job, request } });
  return `${facetsOf(job, definition).join(' ')}\n${body}`;
}

function facetsOf(job: Job, definition: string | undefined): string[] {
  const { type, owner } = job.request;
  const instance = assignmentOf(job)?.instance;
  const words = facetWords({ status: job.status, type, instance, owner, workflow: definition });
  const isToBeTold = isFinished(job) && job.request.webhook?.events.includes(job.status);
  return isToBeTold ? [...words, UNTOLD_ENDS] : words;
}

/**
 * Parses a record.
 * @throws Error for a damaged or foreign one, or one of a newer version
 */
export function readRecord(text: string): { job: StoredJob; definition: string | undefined } {
  const record: unknown = parseTagged(text.slice(text.indexOf('\n') + 1));
  const checked = recordShape.safeParse(record);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new Error(`not a job's record: ${issue?.path.join('.')} ${issue?.message}`);
  }
  const { job, definition } = checked.data;
  if (!isStoredJob(job)) throw new Error('not a job');
  return { job, definition };
}

const time = z.number();
const assignment = z.looseObject({ instance: z.string(), processingStartTime: time });
const output = z.looseObject({ name: z.string(), kind: z.string(), sizeBytes: z.number() });
const byStatus = {
  pending: z.looseObject({ failedTries: z.array(z.looseObject({ instance: z.string() })) }),
  processing: z.looseObject({ assignment, failedTries: z.array(z.looseObject({ instance: z.string() })) }),
  completed: z.looseObject({
    assignment,
    finishedTime: time,
    result: z.looseObject({ promptId: z.string(), outputs: z.array(output).min(1) }),
  }),
  failed: z.looseObject({
    assignment: assignment.optional(),
    finishedTime: time,
    failure: z.looseObject({ message: z.string(), code: z.string(), category: z.string() }),
  }),
  cancelled: z.looseObject({ assignment: assignment.optional(), finishedTime: time }),
} satisfies Record<JobStatus, z.ZodType>;

/** Required fields. Optional ones may be missing in records of an older server, so none is required. */
const jobShape = z.looseObject({
  id: z.string(),
  status: z.enum(JOB_STATUSES),
  createdTime: time,
  updatedTime: time,
  attempts: z.number(),
  progress: z.number(),
  request: z.looseObject({
    type: z.string(),
    parameters: z.looseObject({}),
    files: z.record(z.string(), z.looseObject({ kind: z.string(), sizeBytes: z.number() })),
    originalFilename: z.string(),
    requestId: z.string(),
  }),
});

const recordShape = z.object({
  v: z.int().min(1).max(VERSION),
  definition: z.string().optional(),
  job: z.unknown(),
});

/** Returns the job itself, not the schema's copy. */
function isStoredJob(value: unknown): value is StoredJob {
  const checked = jobShape.safeParse(value);
  return checked.success && byStatus[checked.data.status].safeParse(value).success;
}
