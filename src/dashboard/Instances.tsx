import { useState } from 'preact/hooks';
import type { MiddlewareClient } from '../client/index.js';
import { messageOf } from './errors.js';
import { Question } from './Question.js';
import type { Breaker, InstanceHealth, Overview } from './server.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly overview: Overview;
  readonly onChange: () => void;
}

/** The machines, with what an operator may do to them. */
export function Instances({ client, overview, onChange }: Props) {
  const [asked, setAsked] = useState<{ name: string; host: string; action: 'open' | 'close' }>();
  const [error, setError] = useState<string>();
  const { instances } = overview.health.comfyui_instances;

  const change = async () => {
    if (!asked) return;
    setAsked(undefined);
    try {
      await client.request(`/api/circuit-breakers/${asked.name}/${asked.action}`, { method: 'POST' });
      setError(undefined);
    } catch (thrown) {
      setError(messageOf(thrown));
    }
    onChange();
  };

  return (
    <section class="card" aria-labelledby="instances">
      <h2 id="instances">Instances</h2>
      {error && <p role="alert">{error}</p>}
      <ul class="plain">
        {instances.map((instance) => (
          <InstanceRow
            key={instance.id}
            instance={instance}
            breaker={overview.breakers[instance.id]}
            onAsk={(action) => setAsked({ name: instance.id, host: instance.host, action })}
          />
        ))}
      </ul>
      {asked && (
        <Question
          text={
            asked.action === 'open'
              ? `Give ${asked.host} no more jobs, until its breaker is closed by hand? Running jobs end normally.`
              : `Let ${asked.host} have jobs again?`
          }
          action={asked.action === 'open' ? 'Open the breaker' : 'Close the breaker'}
          onYes={() => void change()}
          onNo={() => setAsked(undefined)}
        />
      )}
    </section>
  );
}

interface RowProps {
  readonly instance: InstanceHealth;
  readonly breaker: Breaker | undefined;
  readonly onAsk: (action: 'open' | 'close') => void;
}

function InstanceRow({ instance, breaker, onAsk }: RowProps) {
  const { host, status, active_jobs, response_time_ms, missing_nodes } = instance;
  const isClosed = breaker?.state === 'CLOSED';
  return (
    <li class="instance">
      <div>
        <span class={`badge ${status}`}>{status}</span> <strong>{host}</strong>
      </div>
      <dl>
        <Fact name="Breaker">
          {breaker?.state.toLowerCase().replace('_', ' ')}
          {breaker?.forced ? ' by hand' : ''}
        </Fact>
        <Fact name="Jobs">{active_jobs}</Fact>
        <Fact name="Answers in">
          {response_time_ms === null ? 'unknown' : `${Math.round(response_time_ms)} ms`}
        </Fact>
        {missing_nodes && <Fact name="Lacks">{missing_nodes.join(', ')}</Fact>}
      </dl>
      <button type="button" onClick={() => onAsk(isClosed ? 'open' : 'close')}>
        {isClosed ? 'Open' : 'Close'} breaker<span class="unseen"> of {host}</span>
      </button>
    </li>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
