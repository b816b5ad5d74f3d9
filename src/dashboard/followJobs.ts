import type { JobStatus, MiddlewareClient } from '../client/index.js';
import { MiddlewareError } from '../client/index.js';
import { pause } from './pause.js';

/** Pause between two rounds, ms: with few jobs, and with many. */
const FEW_MS = 300;
const MANY_MS = 1000;
const FEW = 4;
/** Number of oldest jobs to poll in every round: those are the running ones. */
const OLDEST = 12;
/** Number of other jobs to poll per round, in turn. */
const IN_TURN = 4;

interface Followed {
  /** Ids of the jobs that have not ended, oldest first. */
  readonly open: () => readonly string[];
  readonly onStatus: (jobId: string, status: JobStatus) => void;
  /** The server responded that it does not have the job (any more), or denied access to it. */
  readonly onError: (jobId: string, error: MiddlewareError) => void;
}

/**
 * Polls the jobs until `signal` is aborted. One event stream per job would use up all connections that a browser opens to a
 * server.
 */
export async function followJobs(
  client: MiddlewareClient,
  followed: Followed,
  signal: AbortSignal,
): Promise<void> {
  let turn = 0;
  while (!signal.aborted) {
    const open = followed.open();
    const others = open.slice(OLDEST);
    const inTurn = Array.from(
      { length: Math.min(IN_TURN, others.length) },
      (_, n) => others[(turn + n) % others.length],
    );
    turn += IN_TURN;
    const asked = [...open.slice(0, OLDEST), ...inTurn].filter((id) => id !== undefined);
    const waits = await Promise.all(asked.map((id) => ask(client, id, followed, signal)));
    await pause(Math.max(open.length > FEW ? MANY_MS : FEW_MS, ...waits), signal);
  }
}

/** @returns milliseconds that the server requires until the next request */
async function ask(
  client: MiddlewareClient,
  id: string,
  followed: Followed,
  signal: AbortSignal,
): Promise<number> {
  try {
    followed.onStatus(id, await client.status(id, signal));
  } catch (error) {
    // Other errors are retried: the server is unreachable or busy, or the page needs another key.
    if (!(error instanceof MiddlewareError) || signal.aborted) return 0;
    if ([403, 404, 410].includes(error.status)) followed.onError(id, error);
    return 1000 * (error.retryAfterSeconds ?? 0);
  }
  return 0;
}
