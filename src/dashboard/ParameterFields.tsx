import type { WorkflowDescription } from '../client/index.js';

export type Values = Readonly<Record<string, string | number | boolean>>;

/** What a workflow's JSON Schema says of one parameter, as far as a form can show it. */
interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
}

interface Props {
  readonly workflow: WorkflowDescription;
  readonly values: Values;
  readonly onChange: (name: string, value: string | number | boolean) => void;
}

/** A field for each parameter of the workflow, drawn from its description, and one for the format. */
export function ParameterFields({ workflow, values, onChange }: Props) {
  const properties = (workflow.parameters['properties'] ?? {}) as Record<string, Property>;
  const all: Record<string, Property> = {
    ...properties,
    format: { enum: workflow.formats, default: 'PNG', description: 'Format of the result.' },
  };
  return (
    <div class="parameters">
      {Object.entries(all).map(([name, property]) => (
        <Field
          key={`${workflow.type} ${name}`}
          name={name}
          property={property}
          value={values[name] ?? (property.default as string | number | boolean | undefined)}
          onChange={(value) => onChange(name, value)}
        />
      ))}
    </div>
  );
}

interface FieldProps {
  readonly name: string;
  readonly property: Property;
  readonly value: string | number | boolean | undefined;
  readonly onChange: (value: string | number | boolean) => void;
}

function Field({ name, property, value, onChange }: FieldProps) {
  const { type, description = name, minimum, maximum } = property;
  const title = name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
  if (type === 'boolean') {
    return (
      <label class="field">
        <input
          type="checkbox"
          checked={value === true}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />{' '}
        {description}
      </label>
    );
  }
  if (property.enum) {
    return (
      <label class="field">
        {title}{' '}
        <select
          title={description}
          value={String(value)}
          onChange={({ currentTarget }) => onChange(currentTarget.value)}
        >
          {property.enum.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      </label>
    );
  }
  const isNumber = type === 'number' || type === 'integer';
  const entry = isNumber
    ? {
        type: 'number' as const,
        min: minimum,
        max: maximum,
        step: type === 'integer' ? 1 : 'any',
        required: true,
      }
    : { type: 'text' as const };
  return (
    <label class="field">
      {title}{' '}
      <input
        {...entry}
        title={description}
        value={value === undefined ? '' : String(value)}
        onInput={({ currentTarget }) => onChange(currentTarget.value)}
      />
    </label>
  );
}
