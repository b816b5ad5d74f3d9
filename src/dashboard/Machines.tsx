import { useState } from 'preact/hooks';
import type { Health, MiddlewareClient, WorkflowDescription } from '../client/index.js';
import { lacksOf } from './attention.js';
import { messageOf } from './errors.js';
import { MachineRow } from './MachineRow.js';
import { machineState, timeOf } from './machineState.js';
import type { Machine } from './overview.js';
import { Question } from './Question.js';

interface Props {
  readonly client: MiddlewareClient;
  readonly health: Health;
  readonly workflows: readonly WorkflowDescription[];
  /** Whether the key may take machines out of service. */
  readonly isAdmin: boolean;
  readonly onChange: () => void;
}

const TAKE_OUT = 'Take out of service';
const RETURN = 'Return to service';

/** The machines, with the actions of an operator. */
export function Machines({ client, health, workflows, isAdmin, onChange }: Props) {
  const [asked, setAsked] = useState<Machine>();
  const [checked, setChecked] = useState<string>();
  const [error, setError] = useState<string>();
  const { instances } = health.comfyui_instances;
  const now = timeOf(health);

  const change = async ({ id }: Machine, action: 'open' | 'close') => {
    try {
      await client.request(`/api/circuit-breakers/${encodeURIComponent(id)}/${action}`, { method: 'POST' });
      setError(undefined);
    } catch (thrown) {
      setError(messageOf(thrown));
    }
    onChange();
  };
  const confirm = (machine: Machine) => {
    setAsked(undefined);
    void change(machine, isInService(machine) ? 'open' : 'close');
  };
  // Closing the breaker of a machine that is down checks it immediately.
  const check = async (machine: Machine) => {
    setChecked(machine.id);
    await change(machine, 'close');
    setChecked(undefined);
  };

  return (
    <section class="card" aria-labelledby="machines">
      <h2 id="machines">Machines</h2>
      {error && <p role="alert">{error}</p>}
      <ul class="plain">
        {instances.map((machine) => (
          <MachineRow
            key={machine.id}
            machine={machine}
            state={machineState(machine, now)}
            lacks={lacksOf(machine, workflows)}
            now={now}
          >
            {isAdmin && canBeChecked(machine) && (
              <button type="button" disabled={checked !== undefined} onClick={() => void check(machine)}>
                {checked === machine.id ? 'Checking…' : 'Check now'}
                <span class="unseen">: {machine.id}</span>
              </button>
            )}
            {isAdmin && (
              <button type="button" onClick={() => setAsked(machine)}>
                {isInService(machine) ? TAKE_OUT : RETURN}
                <span class="unseen">: {machine.id}</span>
              </button>
            )}
          </MachineRow>
        ))}
      </ul>
      {asked && (
        <Question
          text={questionAbout(asked, instances)}
          action={isInService(asked) ? TAKE_OUT : RETURN}
          onYes={() => confirm(asked)}
          onNo={() => setAsked(undefined)}
        />
      )}
    </section>
  );
}

/** Closing the breaker of a machine with a GPU fault would also send jobs to it. */
function canBeChecked(machine: Machine): boolean {
  return isInService(machine) && machine.down_since !== undefined && machine.problem === undefined;
}

function isInService({ circuit_breaker: { forced } }: Machine): boolean {
  return !forced;
}

function questionAbout(asked: Machine, all: readonly Machine[]): string {
  const name = asked.host === asked.id ? asked.id : `${asked.id} (${asked.host})`;
  if (!isInService(asked)) return `Return ${name} to service? It gets jobs as soon as it answers.`;
  const isReady = ({ status }: Machine) => status === 'healthy';
  const isLast = isReady(asked) && all.filter(isReady).length === 1;
  const warning = isLast
    ? ' This is the last machine that is ready: new jobs will wait until a machine is ready again.'
    : '';
  return `Take ${name} out of service? It gets no new jobs until you return it to service. Running jobs finish.${warning}`;
}
