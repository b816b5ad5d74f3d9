import type { ComponentChildren } from 'preact';
import { agoWords, type MachineState } from './machineState.js';
import type { Machine } from './overview.js';

interface Props {
  readonly machine: Machine;
  readonly state: MachineState;
  /** What the machine lacks, in sentences. */
  readonly lacks: readonly string[];
  /** Time of the report, epoch ms. */
  readonly now: number;
  /** The buttons. */
  readonly children: ComponentChildren;
}

/** One machine: its name for commands, its address, its state and its figures. */
export function MachineRow({ machine, state: { word, tone, reason }, lacks, now, children }: Props) {
  const { id, host, active_jobs, response_time_ms, last_check, circuit_breaker } = machine;
  const isDown = machine.down_since !== undefined;
  return (
    <li class="machine">
      <div class="grow">
        <strong>{id}</strong> {host !== id && <span class="hint">{host}</span>}{' '}
        <span class={`badge ${tone}`}>{word}</span>
        {reason !== undefined && <p class={tone === 'bad' ? 'problem' : 'hint'}>{reason}</p>}
        {lacks.map((text) => (
          <p key={text} class="problem">
            {text}
          </p>
        ))}
        <dl>
          <Fact name="Jobs">{active_jobs}</Fact>
          {/* The time of the last answer means nothing on a machine that does not answer. */}
          {!isDown && response_time_ms !== null && (
            <Fact name="Answers in">{Math.round(response_time_ms)} ms</Fact>
          )}
          {isDown && last_check !== null && <Fact name="Last check">{agoWords(last_check, now)}</Fact>}
          <Fact name="Failed requests since start">{Math.round(100 * circuit_breaker.error_rate)} %</Fact>
        </dl>
      </div>
      <div class="row">{children}</div>
    </li>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
