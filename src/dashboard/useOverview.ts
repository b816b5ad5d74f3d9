import { useEffect, useRef, useState } from 'preact/hooks';
import { type MiddlewareClient, MiddlewareError } from '../client/index.js';
import { loadOverview, type Overview } from './overview.js';

/** Poll interval without events, also to detect an unreachable server, ms. */
const REFRESH_MS = 3000;
/** Several events within this time cause one reload, ms. */
const GATHER_MS = 250;

interface Options {
  /** Number of jobs of the fleet view; `undefined` while it is not shown. */
  readonly shownJobs: number | undefined;
  /** Whether the key may receive events; otherwise the hook only polls. */
  readonly mayListen: boolean;
}

interface OverviewState {
  readonly overview: Overview | undefined;
  /** Whether the last request failed to reach the server. */
  readonly isOffline: boolean;
  refresh(): void;
}

/** Keeps the state of the server up to date by events, if the key may receive them, and by polling. */
export function useOverview(client: MiddlewareClient, { shownJobs, mayListen }: Options): OverviewState {
  const [overview, setOverview] = useState<Overview>();
  const [isOffline, setOffline] = useState(false);
  const reload = useRef<() => void>(undefined);

  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasEvents = false;
    let isGathering = false;
    const take = (loaded: Overview) => {
      if (over.signal.aborted) return;
      setOverview(loaded);
      setOffline(false);
      if (shownJobs !== undefined && mayListen && !hasEvents) void listen();
    };
    const fail = (error: unknown) => {
      if (over.signal.aborted) return;
      setOffline(!(error instanceof MiddlewareError));
    };
    const load = async () => {
      clearTimeout(timer);
      isGathering = false;
      await loadOverview(client, shownJobs).then(take, fail);
      if (!over.signal.aborted && !isGathering) timer = setTimeout(load, REFRESH_MS);
    };
    const listen = async () => {
      hasEvents = true;
      try {
        for await (const _event of client.events(over.signal)) {
          // The first event of many starts the timer. If each event restarted it, a busy server would never cause a reload.
          if (isGathering) continue;
          isGathering = true;
          clearTimeout(timer);
          timer = setTimeout(load, GATHER_MS);
        }
      } catch {
        // The next poll shows whether the server is reachable, and then listens again.
      }
      hasEvents = false;
    };
    reload.current = () => void load();
    void load();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [client, shownJobs, mayListen]);

  return { overview, isOffline, refresh: () => reload.current?.() };
}
