import { useEffect, useRef, useState } from 'preact/hooks';
import { type MiddlewareClient, MiddlewareError } from '../client/index.js';
import { loadOverview, type Overview } from './server.js';

/** Without events, and to notice a server that is gone, ms. */
const REFRESH_MS = 3000;
/** Many events come together: what they changed is loaded once. */
const GATHER_MS = 250;

export interface OverviewState {
  readonly overview: Overview | undefined;
  /** Whether the server could not be reached the last time. */
  readonly isOffline: boolean;
  readonly needsKey: boolean;
  refresh(): void;
}

/** Keeps what the operator sees up to date: by events where the key may hear them, and by asking now and then. */
export function useOverview(client: MiddlewareClient): OverviewState {
  const [overview, setOverview] = useState<Overview>();
  const [isOffline, setOffline] = useState(false);
  const [needsKey, setNeedsKey] = useState(false);
  const reload = useRef<() => void>(undefined);

  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasEvents = false;
    let isGathering = false;
    const load = async () => {
      clearTimeout(timer);
      isGathering = false;
      try {
        setOverview(await loadOverview(client));
        setOffline(false);
        setNeedsKey(false);
        if (!hasEvents && !over.signal.aborted) void listen();
      } catch (error) {
        if (over.signal.aborted) return;
        const isRefused = error instanceof MiddlewareError && error.status === 401;
        setNeedsKey(isRefused);
        setOffline(!isRefused && !(error instanceof MiddlewareError));
      }
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
      } catch (error) {
        // Not for this key: then only by asking.
        if (error instanceof MiddlewareError && error.status === 403) return;
      }
      hasEvents = false;
    };
    reload.current = () => void load();
    void load();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [client]);

  return { overview, isOffline, needsKey, refresh: () => reload.current?.() };
}
