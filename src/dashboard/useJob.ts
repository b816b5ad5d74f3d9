import { useRef, useState } from 'preact/hooks';
import type {
  CompletedStatus,
  JobStatus,
  MiddlewareClient,
  OutputFile,
  RunResult,
  SubmitOptions,
  WorkflowDescription,
} from '../client/index.js';
import { messageOf } from './errors.js';
import type { Values } from './inputs.js';

/** What somebody started, as it was then: the form may have changed since. */
export interface Task {
  readonly workflow: WorkflowDescription;
  /** By the inputs' names. */
  readonly files: Readonly<Record<string, File>>;
  readonly values: Values;
  readonly format: SubmitOptions['format'];
}

/** An output that was fetched. */
export interface Shown {
  readonly output: OutputFile;
  readonly url: string;
  readonly sizeBytes: number;
  /** Of a text. */
  readonly text: string | undefined;
}

export type Run =
  | { readonly state: 'idle' }
  /** `status` is undefined while the inputs are on their way. */
  | { readonly state: 'running'; readonly status: JobStatus | undefined }
  | {
      readonly state: 'done';
      readonly task: Task;
      readonly status: CompletedStatus;
      readonly seed: RunResult['seed'];
      readonly seeds: RunResult['seeds'];
      readonly shown: readonly [Shown, ...Shown[]];
    }
  | { readonly state: 'failed'; readonly message: string };

/** One job at a time, from its submission to its outputs. */
export function useJob(client: MiddlewareClient): {
  run: Run;
  start(task: Task): void;
  cancel(): void;
  reset(): void;
} {
  const [run, setRun] = useState<Run>({ state: 'idle' });
  const current = useRef<{ over: AbortController; jobId?: string; urls: string[] }>(undefined);

  const reset = () => {
    current.current?.over.abort();
    for (const url of current.current?.urls ?? []) URL.revokeObjectURL(url);
    current.current = undefined;
    setRun({ state: 'idle' });
  };

  const start = async (task: Task) => {
    reset();
    const own: NonNullable<typeof current.current> = { over: new AbortController(), urls: [] };
    current.current = own;
    const { signal } = own.over;
    setRun({ state: 'running', status: undefined });
    try {
      const { workflow, files, values, format } = task;
      const options = { signal, ...(format ? { format } : {}) };
      const { job_id } = await client.submit(workflow.type, { ...files, ...values }, options);
      own.jobId = job_id;
      const onStatus = (status: JobStatus) => {
        if (!signal.aborted) setRun({ state: 'running', status });
      };
      const status = await client.wait(job_id, { onStatus, signal });
      if (status.status !== 'completed') {
        setRun({ state: 'failed', message: endOf(status) });
        return;
      }
      const { outputs, seed, seeds } = client.outcome(status);
      const [first, ...others] = outputs;
      const show = (output: OutputFile) => shownOf(output, own.urls, signal);
      const shown = [await show(first), ...(await Promise.all(others.map(show)))] as const;
      setRun({ state: 'done', task, status, seed, seeds, shown });
    } catch (error) {
      if (!signal.aborted) setRun({ state: 'failed', message: messageOf(error) });
    }
  };

  const cancel = () => {
    const jobId = current.current?.jobId;
    // Before it has an id there is only its upload to stop.
    if (jobId === undefined) reset();
    // It may have ended in the same moment, which shows by itself.
    else client.cancel(jobId).catch(() => undefined);
  };

  return { run, start: (task) => void start(task), cancel, reset };
}

/** Fetches an output with the key, which a picture's own request could not carry. */
async function shownOf(output: OutputFile, urls: string[], signal: AbortSignal): Promise<Shown> {
  const blob = await output.blob(signal);
  const url = URL.createObjectURL(blob);
  urls.push(url);
  const text = output.kind === 'text' ? await blob.text() : undefined;
  return { output, url, sizeBytes: blob.size, text };
}

function endOf(status: JobStatus): string {
  return status.status === 'failed' ? status.error : 'Cancelled.';
}
