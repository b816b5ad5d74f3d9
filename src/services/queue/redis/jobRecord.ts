/**
 * A job as one text. The first line has what it is found by, a word each, so that scripts in Redis need not read JSON; the
 * second line is the job.
 */
import { z } from 'zod';
import { JOB_STATUSES, type JobStatus } from '../../../schemas/jobStatus.js';
import { parseTagged, stringifyTagged } from '../../../utils/taggedJson.js';
import { assignmentOf, isFinished, type Job, type JobRequest } from '../../jobs/Job.js';

/**
 * Of the format. A newer server reads all older ones. New fields need no new version: an older server keeps those that it
 * does not know. A record of a newer version than this is one that an older server would misunderstand.
 */
const VERSION = 1;

type WithoutWorkflow<J extends Job> = J extends Job
  ? Omit<J, 'request'> & { readonly request: Omit<JobRequest, 'workflow'> }
  : never;

/** A job whose workflow is kept elsewhere. */
export type StoredJob = WithoutWorkflow<Job>;

/** What a job is found by. */
export type Facet = 'status' | 'type' | 'instance' | 'owner' | 'workflow' | 'webhook';

/** The word of a job whose end is to be told by a webhook: in the index as long as nobody has begun to. */
export const UNTOLD_ENDS = 'webhook:untold';

/** Words that say what a job is found by, such as `instance:gpu-1%3A8188`; none for what is undefined. */
export function facetWords(facets: { readonly [F in Facet]?: string | undefined }): string[] {
  return Object.entries(facets).flatMap(([facet, value]) =>
    // No space, and nothing that is no Unicode.
    value === undefined
      ? []
      : [`${facet}:${encodeURIComponent(value.replaceAll(/\p{Surrogate}/gu, '\uFFFD'))}`],
  );
}

/** The value of a word. */
export const facetValue = (word: string): string => decodeURIComponent(word.slice(word.indexOf(':') + 1));

/** @param definition name of the workflow's definition, where it has one */
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
 * Reads a record.
 * @throws Error for one that is damaged, foreign, or of a newer version
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

/** What is counted on everywhere. Optional fields may be missing in records of an older server, so none is asked for. */
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

/** The job itself is handed on, not the schema's copy of it. */
function isStoredJob(value: unknown): value is StoredJob {
  const checked = jobShape.safeParse(value);
  return checked.success && byStatus[checked.data.status].safeParse(value).success;
}
