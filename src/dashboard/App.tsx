import { useEffect, useMemo, useState } from 'preact/hooks';
import type { MiddlewareClient, Session } from '../client/index.js';
import { Fleet } from './Fleet.js';
import { Header } from './Header.js';
import { KeyPrompt } from './KeyPrompt.js';
import { Studio } from './Studio.js';
import { forgetKey, hasKey, storeKey } from './session.js';
import { useOverview } from './useOverview.js';
import { useRoute } from './useRoute.js';
import { useSession } from './useSession.js';
import { useWorkflows } from './useWorkflows.js';
import { WorkStore } from './WorkStore.js';

/** The whole page: a prompt for the API key if needed, then the two views. */
export function App() {
  const { client, session, isOffline, reconnect } = useSession();

  const takeKey = (key: string) => {
    storeKey(key);
    reconnect();
  };
  const signOut = () => {
    forgetKey();
    reconnect();
  };

  if (session && session.access !== 'none') {
    const onSignOut = session.needs_key ? signOut : undefined;
    return <Views key={session.key_name} client={client} session={session} onSignOut={onSignOut} />;
  }
  return (
    <>
      <Header state={undefined} isOffline={isOffline} />
      {session && <KeyPrompt isWrong={hasKey()} onKey={takeKey} />}
    </>
  );
}

/** Jobs of the fleet view at first, and how many more at a time. */
const SHOWN_JOBS = 20;
/** All of them are loaded again after each event. */
const MAX_SHOWN_JOBS = 200;

interface Props {
  readonly client: MiddlewareClient;
  readonly session: Session;
  /** Undefined if the server has no keys. */
  readonly onSignOut: (() => void) | undefined;
}

function Views({ client, session, onSignOut }: Props) {
  const route = useRoute();
  const { view } = route;
  const isFleet = view === 'fleet';
  const mayListen = session.access === 'admin';
  const [shownJobs, setShownJobs] = useState(SHOWN_JOBS);
  const shown = isFleet ? shownJobs : undefined;
  const { overview, isOffline, refresh } = useOverview(client, { shownJobs: shown, mayListen });
  const workflows = useWorkflows(client, overview !== undefined && !isOffline);
  const store = useMemo(() => new WorkStore(client, session.key_name), [client, session.key_name]);
  useEffect(() => {
    void store.start();
    return () => store.stop();
  }, [store]);

  const signOut =
    onSignOut &&
    (() => {
      // The next user of this browser must not see anything of it.
      void store.clear().then(onSignOut);
    });
  return (
    <>
      <Header
        view={view}
        state={overview?.health.status}
        isOffline={isOffline}
        keyName={session.key_name ?? undefined}
        onSignOut={signOut}
      />
      {isFleet && overview && (
        <Fleet
          client={client}
          overview={overview}
          workflows={workflows}
          isAdmin={session.access === 'admin'}
          onChange={refresh}
          onMore={shownJobs < MAX_SHOWN_JOBS ? () => setShownJobs(shownJobs + SHOWN_JOBS) : undefined}
        />
      )}
      {/* Stays mounted, so that the form keeps its content while the other view is shown. */}
      <Studio
        client={client}
        session={session}
        store={store}
        workflows={workflows}
        health={overview?.health}
        route={route}
      />
    </>
  );
}
