/** ComfyUI's job routes, which exist only under `/api`. */
import { jsonIfValid } from '../utils/jsonIfValid.js';
import type { Answer } from './answers.js';
import { jobPreview } from './jobPreview.js';

/** What the routes need of the executor. */
interface JobQueue {
  readonly history: ReadonlyMap<string, Record<string, unknown>>;
  queue(): { readonly queue_running: readonly unknown[]; readonly queue_pending: readonly unknown[] };
  interrupt(promptId: string): void;
  deletePending(ids: readonly string[]): void;
}

interface JobCall {
  readonly method: string;
  /** The path after `/api/jobs`. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

type Job = Record<string, unknown>;
/** Number, id, graph and extra data. */
type Listed = readonly [number, string, unknown, ReadonlyMap<string, unknown>];

interface Entry {
  readonly prompt: Listed;
  readonly outputs: Record<string, unknown>;
  readonly status: { readonly status_str: string; readonly messages: readonly [string, Job][] };
}

const STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Handles a request for `/api/jobs` or something below it. */
export function jobAnswer(queue: JobQueue, { method, rest, query, body }: JobCall): Answer {
  const [, id = '', isCancel] = /^\/([^/]+)(\/cancel)?$/.exec(rest) ?? [];
  if (rest !== '' && id === '') return { status: 404 };
  const wanted = isCancel || (method === 'POST' && rest === '/cancel') ? 'POST' : 'GET';
  if (method !== wanted) return { status: 405, text: '405: Method Not Allowed' };
  if (isCancel) return { status: 200, json: { cancelled: cancel(queue, id) } };
  if (wanted === 'POST') return cancelBatch(queue, body);
  if (rest === '') return list(queue, query);
  const job = details(queue, id);
  return job ? { status: 200, json: job } : refusal('Job not found', 404);
}

function refusal(error: string, status = 400): Answer {
  return { status, json: { error } };
}

function list(queue: JobQueue, query: URLSearchParams): Answer {
  const status = query.get('status');
  const asked = status?.split(',').map((one) => one.trim().toLowerCase()) ?? [];
  const statuses = status ? asked.filter((one) => one !== '') : STATUSES;
  const by = (query.get('sort_by') ?? 'created_at').toLowerCase();
  const order = (query.get('sort_order') ?? 'desc').toLowerCase();
  const [limit, offset] = [pythonInt(query.get('limit')), pythonInt(query.get('offset')) ?? 0];
  if (statuses.some((one) => !STATUSES.includes(one))) {
    return refusal(`status must be a list of these: ${STATUSES.join(', ')}`);
  }
  if (by !== 'created_at' && by !== 'execution_duration') {
    return refusal('sort_by must be one of these: created_at, execution_duration');
  }
  if (order !== 'asc' && order !== 'desc') return refusal('sort_order must be one of these: asc, desc');
  if (limit !== undefined && !(limit > 0)) return refusal('limit must be a whole number above 0');
  if (Number.isNaN(offset)) return refusal('offset must be a whole number');
  const workflow = query.get('workflow_id');
  const key = (job: Job) => Number((by === 'created_at' ? job['create_time'] : duration(job)) ?? 0);
  const jobs = allJobs(queue)
    .filter((job) => statuses.includes(String(job['status'])))
    .filter((job) => !workflow || job['workflow_id'] === workflow)
    .sort((a, b) => (order === 'asc' ? key(a) - key(b) : key(b) - key(a)));
  const first = Math.max(0, offset);
  const page = jobs.slice(first).slice(0, limit);
  const pagination = {
    offset: first,
    limit: limit ?? null,
    total: jobs.length,
    has_more: first + page.length < jobs.length,
  };
  return { status: 200, json: { jobs: page, pagination } };
}

function duration(job: Job): number {
  const [start, end] = [job['execution_start_time'], job['execution_end_time']];
  return start && end ? Number(end) - Number(start) : 0;
}

function pythonInt(text: string | null): number | undefined {
  if (text === null) return undefined;
  return /^\s*[+-]?\d+(_\d+)*\s*$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
}

function allJobs(queue: JobQueue): Job[] {
  const { queue_running, queue_pending } = queue.queue();
  return [
    ...queue_running.map((one) => queued(one as Listed, 'in_progress')),
    ...queue_pending.map((one) => queued(one as Listed, 'pending')),
    ...[...queue.history.values()].map((entry) => ended(entry as unknown as Entry)),
  ];
}

function details(queue: JobQueue, id: string): Job | undefined {
  const entry = queue.history.get(id) as Entry | undefined;
  if (entry) {
    const more = { outputs: entry.outputs, execution_status: entry.status, workflow: workflow(entry.prompt) };
    return { ...ended(entry), ...more };
  }
  const { queue_running, queue_pending } = queue.queue();
  const is = (one: unknown): one is Listed => (one as Listed)[1] === id;
  const [running, waiting] = [queue_running.find(is), queue_pending.find(is)];
  if (running) return { ...queued(running, 'in_progress'), workflow: workflow(running) };
  return waiting && { ...queued(waiting, 'pending'), workflow: workflow(waiting) };
}

function workflow([, , prompt, extra_data]: Listed): Job {
  return { prompt, extra_data };
}

/** Undefined entries are left out of the JSON. */
function queued([number, id, , extra]: Listed, status: string): Job {
  const info = extra.get('extra_pnginfo');
  const page: unknown = info instanceof Map ? info.get('workflow') : undefined;
  return {
    id,
    status,
    priority: number,
    create_time: extra.get('create_time'),
    outputs_count: 0,
    previewable_outputs_count: 0,
    workflow_id: (page instanceof Map ? (page.get('id') as unknown) : undefined) ?? undefined,
  };
}

function ended({ prompt, outputs, status }: Entry): Job {
  const said = new Map(status.messages);
  const [error, stopped] = [said.get('execution_error'), said.get('execution_interrupted')];
  const end = said.get('execution_success') ?? error ?? stopped;
  const unsuccessful = stopped ? 'cancelled' : 'failed';
  return {
    ...queued(prompt, status.status_str === 'error' ? unsuccessful : 'completed'),
    execution_start_time: said.get('execution_start')?.['timestamp'],
    execution_end_time: end?.['timestamp'],
    execution_error: error,
    ...jobPreview(outputs),
  };
}

/** Cancels a prompt that runs or waits. */
function cancel(queue: JobQueue, id: string): boolean {
  const { queue_running, queue_pending } = queue.queue();
  const is = (one: unknown) => (one as Listed)[1] === id;
  if (queue_running.some(is)) queue.interrupt(id);
  else if (queue_pending.some(is)) queue.deletePending([id]);
  else return false;
  return true;
}

function cancelBatch(queue: JobQueue, body: Buffer): Answer {
  const json = jsonIfValid(body.toString()) as { job_ids?: unknown } | undefined;
  if (json === undefined) return refusal('the body must be JSON');
  const ids = json?.job_ids;
  if (!Array.isArray(ids)) return refusal('job_ids must be a list');
  const invalid = ids.filter((id) => typeof id !== 'string' || !UUID.test(id)).map(String);
  if (invalid.length > 0) {
    return { status: 400, json: { error: 'job_ids contains what is no id', invalid_ids: invalid } };
  }
  const done = ids.map((id) => cancel(queue, String(id)));
  return { status: 200, json: { cancelled: done.includes(true) } };
}
