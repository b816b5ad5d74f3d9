import type { WorkflowDescription } from '../client/index.js';
import { aFile } from './FileField.js';
import { titleOf } from './inputs.js';
import { ParameterFields } from './ParameterFields.js';
import type { Form } from './useForm.js';
import { WorkflowChoice } from './WorkflowChoice.js';

interface Props {
  readonly workflows: readonly WorkflowDescription[];
  readonly form: Form;
  /** Why no machine can run the chosen workflow; undefined if a machine can. */
  readonly obstacle: string | undefined;
  /** Whether the same was started already, and can be started again. */
  readonly started: 'running' | 'repeatable' | undefined;
  /** Whether the start button stays in view on small screens. */
  readonly isFloating: boolean;
  readonly onChoose: (workflow: WorkflowDescription) => void;
  readonly onSubmit: (event: Event) => void;
}

/** The choice of workflow, its settings and the start button. */
export function Settings(props: Props) {
  const { workflows, form, obstacle, started, isFloating, onChoose, onSubmit } = props;
  const { workflow } = form;
  return (
    <form class="card settings" aria-label="Settings" onSubmit={onSubmit}>
      <WorkflowChoice workflows={workflows} chosen={workflow} onChoose={onChoose} />
      {workflow && (
        <ParameterFields
          workflow={workflow}
          values={form.values}
          onChange={(name, value) => form.setValue(workflow, name, value)}
        />
      )}
      {obstacle !== undefined && (
        <p class="notice" role="status">
          {obstacle} Jobs that you start now wait until one can. <a href="#fleet">See the machines</a>
        </p>
      )}
      <div class={`start ${isFloating ? 'floating' : ''}`}>
        <Start form={form} started={started} />
      </div>
    </form>
  );
}

/** The start button. It shows what is missing, and does not start the same again by a second click. */
function Start({ form, started }: Pick<Props, 'form' | 'started'>) {
  const { workflow, missing } = form;
  const isReady = workflow !== undefined && missing === undefined && started !== 'running';
  return (
    <button type="submit" class="primary" disabled={!isReady}>
      {labelOf(form, started)}
    </button>
  );
}

function labelOf({ workflow, missing, fileInputs, filesOf }: Form, started: Props['started']): string {
  if (missing) return `Choose ${fileInputs.length === 1 ? aFile(missing) : titleOf(missing)} first`;
  if (started === 'running') return 'Running…';
  const label = started === 'repeatable' ? 'Run again' : (workflow?.title ?? 'Start');
  const [only] = fileInputs;
  const count = only && fileInputs.length === 1 ? filesOf(only).length : 1;
  return count > 1 ? `${label}: ${count} pictures` : label;
}
