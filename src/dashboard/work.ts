import type { CompletedStatus, JobStatus, SubmitOptions, WorkflowDescription } from '../client/index.js';
import type { Values } from './inputs.js';

/** What the user started, with the values of that time: the form may have changed since. */
export interface Task {
  readonly workflow: WorkflowDescription;
  /** By input name. */
  readonly files: Readonly<Record<string, File>>;
  readonly values: Values;
  readonly format: SubmitOptions['format'];
}

export type WorkState =
  /** The upload is running or waiting. */
  | { readonly kind: 'sending'; readonly note?: string }
  /** `status` is undefined until the first response. */
  | { readonly kind: 'running'; readonly status?: JobStatus }
  | { readonly kind: 'done'; readonly status: CompletedStatus }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'cancelled' };

/** A job started on this page, or opened by its link. */
export interface Work {
  /** Also its idempotency key: when it is submitted again after a reload, the server returns the same job. */
  readonly key: string;
  /** The same for all jobs started together. */
  readonly batch: string;
  /** Epoch ms. */
  readonly createdTime: number;
  /** Position in the batch. */
  readonly index: number;
  /** Name of the API key; null if the server has no keys. */
  readonly owner: string | null;
  /** Undefined if the job was started elsewhere. */
  readonly task: Task | undefined;
  readonly title: string;
  readonly name: string;
  /** Undefined until the server accepts the job. */
  readonly jobId: string | undefined;
  readonly state: WorkState;
}

export function isOver({ state }: Work): boolean {
  return state.kind === 'done' || state.kind === 'failed' || state.kind === 'cancelled';
}

/** The first input file, if it is an image. */
export function pictureOf({ task }: Work): File | undefined {
  const [file] = Object.values(task?.files ?? {});
  return file?.type.startsWith('image/') ? file : undefined;
}

/** Newest batch first, the works of a batch in the order of their pictures. */
export function compareWorks(a: Work, b: Work): number {
  return b.createdTime - a.createdTime || a.index - b.index;
}

/** Whether two tasks have the same workflow, files and values. */
export function isSameTask(a: Task, b: Task | undefined): boolean {
  if (b === undefined || a.workflow.type !== b.workflow.type || a.format !== b.format) return false;
  const names = new Set([...Object.keys(a.files), ...Object.keys(b.files)]);
  const hasSameFiles = [...names].every((name) => a.files[name] === b.files[name]);
  return hasSameFiles && JSON.stringify(a.values) === JSON.stringify(b.values);
}

/** Creates a work for a task. */
export function workOf(
  task: Task,
  { batch, createdTime, index, owner }: Pick<Work, 'batch' | 'createdTime' | 'index' | 'owner'>,
): Work {
  const [file] = Object.values(task.files);
  return {
    key: randomKey(),
    batch,
    createdTime,
    index,
    owner,
    task,
    title: task.workflow.title,
    name: file?.name ?? task.workflow.title,
    jobId: undefined,
    state: { kind: 'sending' },
  };
}

/** A random key. Also works without TLS, where `crypto.randomUUID` does not exist. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, '0')).join(
    '',
  );
}
