import type { z } from 'zod';
import type { ComfyStatus, comfyAsset, comfyJob, comfyOutput, comfyProgress } from '../schemas/comfy.js';
import type { JobStatus } from '../schemas/jobStatus.js';
import type { ClientAsset } from '../services/assets/AssetRecords.js';
import { shownOutputs } from '../services/jobs/committedOutputs.js';
import {
  assignmentOf,
  type FailedJob,
  isFinished,
  type Job,
  type JobOutput,
  processingDuration,
} from '../services/jobs/Job.js';
import type { LiveJob } from '../services/jobs/LiveJobs.js';
import { toIso } from '../utils/clock.js';
import { outputId, outputPlaces } from '../utils/outputIds.js';
import { isEndedGraph } from '../workflows/files/endedGraph.js';
import { isFileWorkflow } from '../workflows/files/fileWorkflow.js';
import type { Workflow } from '../workflows/types.js';

type JobView = z.input<typeof comfyJob>;
type OutputView = z.input<typeof comfyOutput>;
type ProgressView = z.input<typeof comfyProgress>;

/** Names of the job states in the Comfy API v2. */
export const COMFY_STATUS_OF: Readonly<Record<JobStatus, ComfyStatus>> = {
  pending: 'queued',
  processing: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'canceled',
};

/** Data for the view of a job. */
export interface ComfyJobContext {
  /** Live data while it runs on this server. */
  readonly live: LiveJob | undefined;
  /** Position in the queue, from 1; `undefined` for a job that is not waiting. */
  readonly position: number | undefined;
  /** Base URL of the server, without a trailing slash. */
  readonly baseUrl: string;
  /** How long a job is kept after its end, ms. */
  readonly lifetimeMs: number;
  /** Epoch ms. */
  readonly now: number;
}

export function comfyJobId(id: string): string {
  return `job_${id}`;
}

/** Returns a job in the format of the Comfy API v2. */
export function comfyJobView(job: Job, context: ComfyJobContext): JobView {
  const { id, request, createdTime } = job;
  const assignment = assignmentOf(job);
  const startedTime = assignment?.processingStartTime;
  const self = `/api/v2/jobs/${comfyJobId(id)}`;
  return {
    id: comfyJobId(id),
    status: COMFY_STATUS_OF[job.status],
    created_at: toIso(createdTime),
    started_at: startedTime === undefined ? null : toIso(startedTime),
    completed_at: isFinished(job) ? toIso(job.finishedTime) : null,
    expires_at: toIso(expiryOf(job, context)),
    queue_position: context.position ?? null,
    progress: comfyProgressView(job, context.live),
    outputs: comfyOutputViews(job, context),
    error: job.status === 'failed' ? errorView(job) : null,
    metrics: {
      queue_ms: startedTime === undefined ? null : Math.round(startedTime - createdTime),
      execution_ms: isFinished(job) ? rounded(processingDuration(job)) : null,
    },
    ...(request.metadata === undefined ? {} : { metadata: request.metadata }),
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  };
}

/** Returns the progress of a job; null if it has not started. */
export function comfyProgressView(job: Job, live: LiveJob | undefined): ProgressView | null {
  const { workflow } = job.request;
  const nodes_total = nodesOf(workflow);
  const nothing = { current_node: null, current_node_class: null, step: null, steps: null, message: null };
  if (job.status === 'completed') return { value: 1, nodes_done: nodes_total, nodes_total, ...nothing };
  if (job.status !== 'processing') return null;
  const detail = live?.progress;
  if (!detail) {
    // It runs on another server, which stores only the node class and the percentage in the record.
    const value = job.progress / 100;
    const current_node_class = job.currentNode ?? null;
    return {
      value,
      nodes_done: Math.floor(value * nodes_total),
      nodes_total,
      ...nothing,
      current_node_class,
    };
  }
  const { fraction, nodesDone, nodesTotal, node, steps } = detail;
  const what = node?.classType ?? null;
  return {
    value: Math.min(1, fraction),
    nodes_done: nodesDone,
    nodes_total: nodesTotal,
    current_node: node?.id ?? null,
    current_node_class: what,
    step: steps?.done ?? null,
    steps: steps?.total ?? null,
    message: what && steps ? `${what} ${steps.done}/${steps.total}` : what,
  };
}

type ExpiryContext = Pick<ComfyJobContext, 'baseUrl' | 'lifetimeMs' | 'now'>;

/** Returns the outputs of a job that are available so far. */
export function comfyOutputViews(job: Job, context: ExpiryContext): OutputView[] {
  const outputs = shownOutputs(job);
  const places = outputPlaces(outputs);
  return outputs.map((output, n) => outputView(job, output, places[n] ?? '', context));
}

function outputView(job: Job, output: JobOutput, place: string, context: ExpiryContext): OutputView {
  const id = outputId({ jobId: job.id, place });
  return {
    node_id: output.nodeId,
    name: output.filename,
    type: output.kind,
    content_type: output.mimeType,
    size_bytes: output.sizeBytes,
    id,
    hash: hashOf(output),
    url: contentUrl(context.baseUrl, id),
    url_expires_at: toIso(expiryOf(job, context)),
    job_id: comfyJobId(job.id),
  };
}

/** Returns an output of a job in the format of assets. */
export function comfyOutputAsset(
  job: Job,
  output: JobOutput,
  place: string,
  context: ExpiryContext,
): z.input<typeof comfyAsset> {
  const view = outputView(job, output, place, context);
  const { id, hash, size_bytes, content_type, name, url, url_expires_at, job_id } = view;
  const createdTime = output.createdTime ?? (isFinished(job) ? job.finishedTime : job.updatedTime);
  return {
    id,
    hash,
    size_bytes,
    content_type,
    file_path: name,
    created_at: toIso(createdTime),
    url,
    url_expires_at,
    expires_at: url_expires_at,
    job_id,
  };
}

/** Returns a file that a client uploaded. @param isNew whether this request created it */
export function comfyAssetView(
  asset: ClientAsset,
  baseUrl: string,
  isNew?: boolean,
): z.input<typeof comfyAsset> {
  const expires_at = toIso(asset.expiresTime);
  return {
    id: asset.id,
    hash: `blake3:${asset.hash}`,
    size_bytes: asset.sizeBytes,
    content_type: asset.contentType,
    file_path: asset.filePath ?? null,
    ...(isNew === undefined ? {} : { created_new: isNew }),
    created_at: toIso(asset.createdTime),
    url: contentUrl(baseUrl, asset.id),
    url_expires_at: expires_at,
    expires_at,
  };
}

function contentUrl(baseUrl: string, id: string): string {
  return `${baseUrl}/api/v2/assets/${id}/content`;
}

function expiryOf(job: Job, { lifetimeMs, now }: Pick<ComfyJobContext, 'lifetimeMs' | 'now'>): number {
  return (isFinished(job) ? job.finishedTime : now) + lifetimeMs;
}

/** Returns the hash in the key of a stored output; null for outputs in memory. */
function hashOf({ key }: JobOutput): string | null {
  const [, hash] = /^([0-9a-f]{64})\//.exec(key ?? '') ?? [];
  return hash === undefined ? null : `blake3:${hash}`;
}

function errorView({ failure }: FailedJob): NonNullable<JobView['error']> {
  const { message, code, category } = failure;
  const details = typeof failure.details === 'object' ? failure.details : {};
  const text = (name: string) => (typeof details[name] === 'string' ? details[name] : null);
  const type = text('exception_type');
  const isOfNode = type !== null;
  return {
    code: isOfNode ? 'node_execution_error' : code === 'INTERNAL_ERROR' ? 'internal_error' : category,
    message,
    node_id: text('node_id'),
    class_type: text('node_class'),
    traceback: isOfNode ? `${type}: ${text('message') ?? message}` : null,
  };
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms);
}

function nodesOf(workflow: Workflow): number {
  if (isEndedGraph(workflow)) return workflow.kept.nodes;
  return isFileWorkflow(workflow) ? workflow.graph.size : 1;
}
