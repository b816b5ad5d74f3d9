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
  readonly onChoose: (workflow: WorkflowDescription) => void;
  readonly onSubmit: (event: Event) => void;
}

/** The choice of workflow, its settings and the start button. */
export function Settings({ workflows, form, obstacle, onChoose, onSubmit }: Props) {
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
          {obstacle} Jobs that you start now wait until one can.
        </p>
      )}
      <Start form={form} />
    </form>
  );
}

/** The start button; it shows what is missing. */
function Start({ form: { workflow, missing, fileInputs, filesOf } }: { form: Form }) {
  const needed = missing && (fileInputs.length === 1 ? aFile(missing) : titleOf(missing));
  const [only] = fileInputs;
  const count = only && fileInputs.length === 1 ? filesOf(only).length : 1;
  return (
    <button type="submit" class="primary" disabled={!workflow || needed !== undefined}>
      {needed === undefined ? (workflow?.title ?? 'Start') : `Choose ${needed} first`}
      {needed === undefined && count > 1 ? `: ${count} pictures` : ''}
    </button>
  );
}
