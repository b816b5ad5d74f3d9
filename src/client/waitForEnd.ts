import { MiddlewareError } from './MiddlewareError.js';
import type { JobStatus, WaitOptions } from './options.js';
import { pause, readEvents } from './waiting.js';

const FINISHED = new Set<JobStatus['status']>(['completed', 'failed', 'cancelled']);
/** Streams that may break without an event before the client only polls. */
const MAX_MUTE_STREAMS = 2;
const POLL_MS = 1000;
const PATIENCE_MS = 60_000;
/** Longer timers overflow. */
const MAX_PAUSE_MS = 3_600_000;

/** Requests about one job. */
interface Job {
  status(signal: AbortSignal | undefined): Promise<JobStatus>;
  /** The response that is a stream of its events. */
  events(signal: AbortSignal): Promise<Response>;
}

/**
 * Waits until a job is completed, failed or cancelled: by events, or by polling if events do not get through. Retries
 * while the server is unreachable.
 * @throws MiddlewareError if the job does not exist (any more), the reason of the abort, the network error after the
 * patience is over, or what `onStatus` throws or rejects with
 */
export async function waitForEnd(job: Job, options: WaitOptions): Promise<JobStatus> {
  const { onStatus, signal, pollMs = POLL_MS, patienceMs = PATIENCE_MS } = options;
  let mute = 0;
  let lastHeard = Date.now();
  let pauseMs = pollMs;

  /** The statuses of one stream and one poll. Ends early if the connection breaks. */
  async function* attempt(): AsyncGenerator<JobStatus> {
    pauseMs = pollMs;
    try {
      if (mute < MAX_MUTE_STREAMS) {
        mute += 1;
        for await (const { data } of readEvents((either) => job.events(either), signal)) {
          mute = 0;
          const status = JSON.parse(data) as JobStatus;
          lastHeard = Date.now();
          yield status;
        }
      }
      const status = await job.status(signal);
      lastHeard = Date.now();
      yield status;
    } catch (error) {
      signal?.throwIfAborted();
      const patienceLeft = patienceMs - (Date.now() - lastHeard);
      if (isFinal(error) || patienceLeft < 0) throw error;
      // If the server wants a longer pause than the patience allows, there is one last attempt.
      pauseMs = Math.max(pollMs, Math.min(retryAfterMs(error), patienceLeft, MAX_PAUSE_MS));
    }
  }

  for (;;) {
    for await (const status of attempt()) {
      // Outside of the attempt, so that an error of the callback does not count as one of the connection.
      await onStatus?.(status);
      if (FINISHED.has(status.status)) return status;
    }
    await pause(pauseMs, signal);
  }
}

/** Whether a retry cannot help, because the server rejected the request. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof MiddlewareError)) return false;
  return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429;
}

/** The pause that an error response requests. */
function retryAfterMs(error: unknown): number {
  return error instanceof MiddlewareError ? 1000 * (error.retryAfterSeconds ?? 0) : 0;
}
