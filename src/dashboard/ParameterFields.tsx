import type { WorkflowDescription } from '../client/index.js';
import { isFileInput, type Values, type WorkflowInput } from './inputs.js';
import { ParameterField } from './ParameterField.js';

interface Props {
  readonly workflow: WorkflowDescription;
  readonly values: Values;
  readonly onChange: (name: string, value: string | boolean) => void;
}

/** A field for each value of the workflow, generated from its description, and one for the format. */
export function ParameterFields({ workflow, values, onChange }: Props) {
  const { inputs, is_built_in: isCompact } = workflow;
  const fields = [...inputs.filter((input) => !isFileInput(input)), formatOf(workflow)];
  return (
    <div class={isCompact ? 'parameters' : 'parameters roomy'}>
      {fields.map((input) => (
        <ParameterField
          key={`${workflow.type} ${input.name}`}
          input={input}
          value={values[input.name]}
          isCompact={isCompact}
          onChange={(value) => onChange(input.name, value)}
        />
      ))}
    </div>
  );
}

/** Pictures of a workflow file keep their format unless the user chooses one. */
function formatOf({ formats, is_built_in: isBuiltIn }: WorkflowDescription): WorkflowInput {
  return {
    name: 'format',
    kind: 'choice',
    required: false,
    description: isBuiltIn ? 'Format of the result.' : 'Format of the resulting pictures.',
    schema: { enum: formats, ...(isBuiltIn ? { default: 'PNG' } : {}) },
  };
}
