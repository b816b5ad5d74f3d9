import { useEffect, useRef, useState } from 'preact/hooks';
import type { MiddlewareClient, Session } from '../client/index.js';
import { connect } from './session.js';

/** Retry interval until the server is reached, ms. */
const RETRY_MS = 2000;

interface SessionState {
  readonly client: MiddlewareClient;
  /** Undefined until the server is reached. */
  readonly session: Session | undefined;
  readonly isOffline: boolean;
  /** Continues with the key that this tab stores now. */
  reconnect(): void;
}

/** The client of this tab, the permissions of its key, and what the server accepts. Follows when the server refuses the key. */
export function useSession(): SessionState {
  const reload = useRef<() => void>(undefined);
  const create = () => connect(() => reload.current?.());
  const [client, setClient] = useState(create);
  const [loaded, setLoaded] = useState<{ readonly client: MiddlewareClient; readonly session: Session }>();
  const [isOffline, setOffline] = useState(false);

  useEffect(() => {
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLoading = false;
    const load = async () => {
      isLoading = true;
      try {
        const session = await client.session(over.signal);
        isLoading = false;
        setLoaded({ client, session });
        setOffline(false);
      } catch {
        if (over.signal.aborted) return;
        setOffline(true);
        timer = setTimeout(load, RETRY_MS);
      }
    };
    // Several requests may be refused at once.
    reload.current = () => {
      if (!isLoading && !over.signal.aborted) void load();
    };
    void load();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [client]);

  // The session of another key does not apply to this one.
  const session = loaded?.client === client ? loaded.session : undefined;
  return { client, session, isOffline, reconnect: () => setClient(create()) };
}
