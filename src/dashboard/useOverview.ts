import { useEffect, useRef, useState } from 'preact/hooks';
import { type MiddlewareClient, MiddlewareError } from '../client/index.js';
import { loadOverview, type Overview } from './overview.js';

/** Without events, and to notice a server that is gone, ms. */
const REFRESH_MS = 3000;
/** Many events come together: what they changed is loaded once. */
const GATHER_MS = 250;

interface Options {
  /** With what only the fleet's view shows. */
  readonly isFleet: boolean;
  /** Whether the key may hear what happens; others only ask now and then. */
  readonly mayListen: boolean;
  /** The server refused the key. */
  readonly onRefused: () => void;
}

interface OverviewState {
  readonly overview: Overview | undefined;
  /** Whether the server could not be reached the last time. */
  readonly isOffline: boolean;
  refresh(): void;
}

/** Keeps the state of the server up to date: by events where the key may hear them, and by asking now and then. */
export function useOverview(
  client: MiddlewareClient,
  { isFleet, mayListen, onRefused }: Options,
): OverviewState {
  const [overview, setOverview] = useState<Overview>();
  const [isOffline, setOffline] = useState(false);
  const reload = useRef<() => void>(undefined);
  const refused = useRef(onRefused);
  refused.current = onRefused;

  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasEvents = false;
    let isGathering = false;
    const take = (loaded: Overview) => {
      if (over.signal.aborted) return;
      setOverview(loaded);
      setOffline(false);
      if (isFleet && mayListen && !hasEvents) void listen();
    };
    const fail = (error: unknown) => {
      if (over.signal.aborted) return;
      if (error instanceof MiddlewareError && error.status === 401) refused.current();
      setOffline(!(error instanceof MiddlewareError));
    };
    const load = async () => {
      clearTimeout(timer);
      isGathering = false;
      await loadOverview(client, isFleet).then(take, fail);
      if (!over.signal.aborted && !isGathering) timer = setTimeout(load, REFRESH_MS);
    };
    const listen = async () => {
      hasEvents = true;
      try {
        for await (const _event of client.events(over.signal)) {
          // The first of many decides when: each putting it off, a busy server would never be looked at.
          if (isGathering) continue;
          isGathering = true;
          clearTimeout(timer);
          timer = setTimeout(load, GATHER_MS);
        }
      } catch {
        // The next look shows whether the server is there, and listens again.
      }
      hasEvents = false;
    };
    reload.current = () => void load();
    void load();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [client, isFleet, mayListen]);

  return { overview, isOffline, refresh: () => reload.current?.() };
}
