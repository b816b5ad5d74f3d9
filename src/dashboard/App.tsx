import { useState } from 'preact/hooks';
import { Activity } from './Activity.js';
import { Instances } from './Instances.js';
import { Jobs } from './Jobs.js';
import { KeyPrompt } from './KeyPrompt.js';
import { connect, storeKey } from './server.js';
import { useOverview } from './useOverview.js';
import { useWorkflows } from './useWorkflows.js';
import { Workbench } from './Workbench.js';

/** The whole page. */
export function App() {
  const [client, setClient] = useState(connect);
  const { overview, isOffline, needsKey, refresh } = useOverview(client);
  const workflows = useWorkflows(client, overview !== undefined && !isOffline);

  const takeKey = (key: string) => {
    storeKey(key);
    setClient(connect());
  };

  return (
    <>
      <header class="top">
        <h1>ComfyUI Express Middleware</h1>
        {overview && <HealthBadge state={isOffline ? 'offline' : overview.health.status} />}
        <nav>
          <a href="/docs">API</a>
        </nav>
      </header>
      {isOffline && (
        <p class="banner" role="alert">
          The server is out of reach. This page tries again by itself.
        </p>
      )}
      <main>
        {needsKey && <KeyPrompt onKey={takeKey} />}
        <Workbench client={client} workflows={workflows} />
        {overview && (
          <div class="operator">
            <Instances client={client} overview={overview} onChange={refresh} />
            <Activity overview={overview} />
            <Jobs client={client} jobs={overview.jobs} onChange={refresh} />
          </div>
        )}
      </main>
    </>
  );
}

function HealthBadge({ state }: { state: string }) {
  return (
    <span class={`badge ${state}`} role="status">
      {state}
    </span>
  );
}
