import type { CompletedStatus, JobStatus, SubmitOptions, WorkflowDescription } from '../client/index.js';
import type { Values } from './inputs.js';

/** What somebody started, as it was then: the form may have changed since. */
export interface Task {
  readonly workflow: WorkflowDescription;
  /** By the inputs' names. */
  readonly files: Readonly<Record<string, File>>;
  readonly values: Values;
  readonly format: SubmitOptions['format'];
}

export type WorkState =
  /** The upload is under way, or waits for its turn. */
  | { readonly kind: 'sending'; readonly note?: string }
  /** `status` is undefined until the server was asked. */
  | { readonly kind: 'running'; readonly status?: JobStatus }
  | { readonly kind: 'done'; readonly status: CompletedStatus }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'cancelled' };

/** A job that somebody started on this page, or opened by its link. */
export interface Work {
  /** Also its idempotency key: after a reload it may be sent again and is still one job. */
  readonly key: string;
  /** What was started together has the same. */
  readonly batch: string;
  /** Epoch ms. */
  readonly createdTime: number;
  /** Name of the API key; null where the server has none. */
  readonly owner: string | null;
  /** Undefined for a job that was started elsewhere. */
  readonly task: Task | undefined;
  readonly title: string;
  readonly name: string;
  /** Undefined until the server accepted it. */
  readonly jobId: string | undefined;
  readonly state: WorkState;
}

export function isOver({ state }: Work): boolean {
  return state.kind === 'done' || state.kind === 'failed' || state.kind === 'cancelled';
}

/** The first file that was sent, if it is one that can be looked at. */
export function pictureOf({ task }: Work): File | undefined {
  const [file] = Object.values(task?.files ?? {});
  return file?.type.startsWith('image/') ? file : undefined;
}

/** A new work for a task. */
export function workOf(task: Task, batch: string, owner: string | null): Work {
  const [file] = Object.values(task.files);
  return {
    key: randomKey(),
    batch,
    createdTime: Date.now(),
    owner,
    task,
    title: task.workflow.title,
    name: file?.name ?? task.workflow.title,
    jobId: undefined,
    state: { kind: 'sending' },
  };
}

/** Random, and available without TLS too, where `crypto.randomUUID` is not. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, '0')).join(
    '',
  );
}
