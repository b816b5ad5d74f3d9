import { useRef, useState } from 'preact/hooks';
import type { JobStatus, MiddlewareClient, SubmitOptions } from '../client/index.js';
import { messageOf } from './errors.js';

export type Run =
  | { readonly state: 'idle' }
  /** `status` is undefined while the image is on its way. */
  | { readonly state: 'running'; readonly status: JobStatus | undefined }
  | { readonly state: 'done'; readonly status: JobStatus; readonly image: Blob; readonly url: string }
  | { readonly state: 'failed'; readonly message: string };

/** One job at a time, from its submission to its image. */
export function useJob(client: MiddlewareClient): {
  run: Run;
  start(type: string, image: File, options: SubmitOptions): void;
  cancel(): void;
  reset(): void;
} {
  const [run, setRun] = useState<Run>({ state: 'idle' });
  const current = useRef<{ over: AbortController; jobId?: string; url?: string }>(undefined);

  const reset = () => {
    current.current?.over.abort();
    if (current.current?.url) URL.revokeObjectURL(current.current.url);
    current.current = undefined;
    setRun({ state: 'idle' });
  };

  const start = async (type: string, image: File, options: SubmitOptions) => {
    reset();
    const own: NonNullable<typeof current.current> = { over: new AbortController() };
    current.current = own;
    const { signal } = own.over;
    setRun({ state: 'running', status: undefined });
    try {
      const { job_id } = await client.submit(type, image, { ...options, filename: image.name, signal });
      own.jobId = job_id;
      const onStatus = (status: JobStatus) => {
        if (!signal.aborted) setRun({ state: 'running', status });
      };
      const status = await client.wait(job_id, { onStatus, signal });
      if (status.status === 'completed') {
        const result = await client.result(job_id, signal);
        own.url = URL.createObjectURL(result);
        setRun({ state: 'done', status, image: result, url: own.url });
      } else setRun({ state: 'failed', message: endOf(status) });
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

  return { run, start: (...job) => void start(...job), cancel, reset };
}

function endOf(status: JobStatus): string {
  return status.status === 'failed' ? status.error : 'Cancelled.';
}
