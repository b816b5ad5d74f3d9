import { useEffect, useState } from 'preact/hooks';
import type { MiddlewareClient, Session } from '../client/index.js';

/** Retry interval until the server is reached, ms. */
const RETRY_MS = 2000;

interface SessionState {
  /** Undefined until the server is reached. */
  readonly session: Session | undefined;
  readonly isOffline: boolean;
  /** Requests the session again, for example after the server rejected the key. */
  refresh(): void;
}

/** The permissions of the caller, and what the server accepts. */
export function useSession(client: MiddlewareClient): SessionState {
  const [loaded, setLoaded] = useState<{ readonly client: MiddlewareClient; readonly session: Session }>();
  const [isOffline, setOffline] = useState(false);
  const [round, setRound] = useState(0);

  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      try {
        const session = await client.session(over.signal);
        setLoaded({ client, session });
        setOffline(false);
      } catch {
        if (over.signal.aborted) return;
        setOffline(true);
        timer = setTimeout(load, RETRY_MS);
      }
    };
    void load();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [client, round]);

  // The session of another key does not apply to this one.
  const session = loaded?.client === client ? loaded.session : undefined;
  return { session, isOffline, refresh: () => setRound((n) => n + 1) };
}
