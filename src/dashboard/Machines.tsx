import { useState } from 'preact/hooks';
import type { Health, MiddlewareClient } from '../client/index.js';
import { messageOf } from './errors.js';
import { machineState } from './machineState.js';
import type { Machine } from './overview.js';
import { Question } from './Question.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly health: Health;
  /** Whether the key may take machines out of service. */
  readonly isAdmin: boolean;
  readonly onChange: () => void;
}

/** The machines, with the actions of an operator. */
export function Machines({ client, health, isAdmin, onChange }: Props) {
  const [asked, setAsked] = useState<Machine>();
  const [error, setError] = useState<string>();

  const change = async () => {
    if (!asked) return;
    setAsked(undefined);
    try {
      const action = isInService(asked) ? 'open' : 'close';
      await client.request(`/api/circuit-breakers/${asked.id}/${action}`, { method: 'POST' });
      setError(undefined);
    } catch (thrown) {
      setError(messageOf(thrown));
    }
    onChange();
  };

  return (
    <section class="card" aria-labelledby="machines">
      <h2 id="machines">Machines</h2>
      {error && <p role="alert">{error}</p>}
      <ul class="plain">
        {health.comfyui_instances.instances.map((machine) => (
          <MachineRow
            key={machine.id}
            machine={machine}
            onAsk={isAdmin ? () => setAsked(machine) : undefined}
          />
        ))}
      </ul>
      {asked && (
        <Question
          text={
            isInService(asked)
              ? `Take ${asked.host} out of service? It gets no new jobs until you put it back. Running jobs finish.`
              : `Put ${asked.host} back into service? It gets jobs as soon as it answers.`
          }
          action={isInService(asked) ? 'Take it out of service' : 'Put it back into service'}
          onYes={() => void change()}
          onNo={() => setAsked(undefined)}
        />
      )}
    </section>
  );
}

function isInService({ circuit_breaker: { forced } }: Machine): boolean {
  return !forced;
}

function MachineRow({ machine, onAsk }: { machine: Machine; onAsk: (() => void) | undefined }) {
  const { host, active_jobs, response_time_ms, missing_nodes, circuit_breaker } = machine;
  const { word, tone, reason } = machineState(machine);
  return (
    <li class="machine">
      <div class="grow">
        <strong>{host}</strong> <span class={`badge ${tone}`}>{word}</span>
        {reason !== undefined && <p class={tone === 'bad' ? 'problem' : 'hint'}>{reason}</p>}
        {missing_nodes && <p class="problem">Lacks {missing_nodes.join(', ')}</p>}
        <dl>
          <Fact name="Jobs">{active_jobs}</Fact>
          <Fact name="Answers in">
            {response_time_ms === null ? 'unknown' : `${Math.round(response_time_ms)} ms`}
          </Fact>
          <Fact name="Failed requests">{`${Math.round(100 * circuit_breaker.error_rate)} %`}</Fact>
        </dl>
      </div>
      {onAsk && (
        <button type="button" onClick={onAsk}>
          {isInService(machine) ? 'Take out of service' : 'Put back into service'}
          <span class="unseen">: {host}</span>
        </button>
      )}
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
