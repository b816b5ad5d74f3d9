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
/** A job is polled again after this share of the time for which it was followed, but at least every `MAX_MS`. */
const SHARE = 0.15;
const MAX_MS = 2000;

type StatusClient = Pick<MiddlewareClient, 'status'>;

interface Followed {
  /** Ids of the jobs that have not ended, oldest first. */
  readonly open: () => readonly string[];
  readonly onStatus: (jobId: string, status: JobStatus) => void;
  /** The server responded that it does not have the job (any more), or denied access to it. */
  readonly onError: (jobId: string, error: MiddlewareError) => void;
}

/** `performance.now()` at the first and the last request for a job. */
interface Times {
  readonly first: number;
  readonly last: number;
}

/**
 * Polls the jobs until `signal` is aborted, each less often the longer it takes: requests count against the rate limit of the
 * key. One event stream per job would use up all connections that a browser opens to a
 * server.
 */
export async function followJobs(
  client: StatusClient,
  followed: Followed,
  signal: AbortSignal,
): Promise<void> {
  let turn = 0;
  let known: ReadonlyMap<string, Times> = new Map();
  while (!signal.aborted) {
    const open = followed.open();
    const others = open.slice(OLDEST);
    const inTurn = Array.from(
      { length: Math.min(IN_TURN, others.length) },
      (_, n) => others[(turn + n) % others.length],
    );
    turn += IN_TURN;
    const now = performance.now();
    const asked = [...open.slice(0, OLDEST), ...inTurn].filter(
      (id): id is string => id !== undefined && isDue(known.get(id), now),
    );
    known = noted(known, open, new Set(asked), now);
    const waits = await Promise.all(asked.map((id) => ask(client, id, followed, signal)));
    await pause(Math.max(open.length > FEW ? MANY_MS : FEW_MS, ...waits), signal);
  }
}

function isDue(times: Times | undefined, now: number): boolean {
  return times === undefined || now - times.last >= Math.min(MAX_MS, SHARE * (now - times.first));
}

/** @returns the times of the open jobs */
function noted(
  known: ReadonlyMap<string, Times>,
  open: readonly string[],
  asked: ReadonlySet<string>,
  now: number,
): ReadonlyMap<string, Times> {
  const times = open.map((id): [string, Times] => {
    const { first, last } = known.get(id) ?? { first: now, last: now };
    return [id, { first, last: asked.has(id) ? now : last }];
  });
  return new Map(times);
}

/** @returns milliseconds that the server requires until the next request */
async function ask(
  client: StatusClient,
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
