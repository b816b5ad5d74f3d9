import { useId } from 'preact/hooks';
import { type ControlProps, schemaOf, titleOf, type WorkflowInput } from './inputs.js';
import { NumberControl } from './NumberControl.js';
import { SeedControl } from './SeedControl.js';

interface Props {
  readonly input: WorkflowInput;
  /** The entered value; undefined if nothing was entered. */
  readonly value: string | number | boolean | undefined;
  /** Compact layout: the description is a tooltip. */
  readonly isCompact: boolean;
  readonly onChange: (value: string | boolean) => void;
}

/** The field for one value. */
export function ParameterField({ input, value = schemaOf(input).default, isCompact, onChange }: Props) {
  const id = useId();
  const { kind, description } = input;
  const title = titleOf(input);
  const hasHint = description !== undefined && !isCompact;
  const hint = hasHint && (
    <p class="hint" id={`${id}-hint`}>
      {description}
    </p>
  );
  const described = { title: description, 'aria-describedby': hasHint ? `${id}-hint` : undefined };
  if (kind === 'boolean') {
    return (
      <div class="field">
        <input
          {...described}
          id={id}
          type="checkbox"
          checked={value === true}
          onChange={({ currentTarget }) => onChange(currentTarget.checked)}
        />
        <label for={id}>{isCompact ? (description ?? title) : title}</label>
        {hint}
      </div>
    );
  }
  return (
    <div class={`field ${kind === 'text' && !isCompact ? 'wide' : ''}`}>
      <label for={id}>{title}</label>
      <Control
        id={id}
        input={input}
        value={value === undefined ? '' : String(value)}
        isCompact={isCompact}
        described={described}
        onChange={onChange}
      />
      {hint}
    </div>
  );
}

function Control(props: ControlProps) {
  const { id, input, value, isCompact, described, onChange } = props;
  const { enum: choices, maxLength } = schemaOf(input);
  const onInput = ({ currentTarget }: { currentTarget: { value: string } }) => onChange(currentTarget.value);
  switch (input.kind) {
    case 'integer':
    case 'number':
      return <NumberControl {...props} />;
    case 'seed':
      return <SeedControl {...props} />;
    case 'choice':
      // The choices may be unknown until a machine has reported them.
      if (choices) return <ChoiceControl {...props} choices={choices.map(String)} />;
  }
  const rest = { ...described, id, value, maxLength, required: input.required, onInput };
  return isCompact || input.kind === 'choice' ? (
    <input {...rest} type="text" />
  ) : (
    <textarea {...rest} rows={3} />
  );
}

function ChoiceControl({
  id,
  input,
  value,
  described,
  choices,
  onChange,
}: ControlProps & { choices: readonly string[] }) {
  const { default: usual } = schemaOf(input);
  const hasUsual = usual !== undefined;
  return (
    <select
      {...described}
      id={id}
      value={value}
      required={input.required}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    >
      {!hasUsual && (
        <option value="">{input.required ? 'Choose…' : `Original ${titleOf(input).toLowerCase()}`}</option>
      )}
      {/* The graph's own value may be one that no machine has at present. */}
      {hasUsual && !choices.includes(String(usual)) && <option>{String(usual)}</option>}
      {choices.map((choice) => (
        <option key={choice}>{choice}</option>
      ))}
    </select>
  );
}
