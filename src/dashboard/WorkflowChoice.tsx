import type { WorkflowDescription } from '../client/index.js';
import { canRun } from './obstacle.js';

/** With more workflows, the list scrolls. */
const MANY = 6;

interface Props {
  readonly workflows: readonly WorkflowDescription[];
  readonly chosen: WorkflowDescription | undefined;
  readonly onChoose: (workflow: WorkflowDescription) => void;
}

/** The list of workflows. */
export function WorkflowChoice({ workflows, chosen, onChoose }: Props) {
  // If none can run, the box at the start button says so once.
  const canAnyRun = workflows.some(canRun);
  return (
    <fieldset class={`choices ${workflows.length > MANY ? 'many' : ''}`}>
      <legend>What to do</legend>
      <div class="list">
        {workflows.map((one) => (
          <label key={one.type} class="choice">
            <input type="radio" name="workflow" checked={one === chosen} onChange={() => onChoose(one)} />
            <span>
              <strong>{one.title}</strong>
              <span class="hint">{one.description}</span>
              {canAnyRun && !canRun(one) && <span class="problem">No machine can run it at the moment.</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
