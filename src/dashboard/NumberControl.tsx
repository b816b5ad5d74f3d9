import { type ControlProps, schemaOf, titleOf, type ValueSchema } from './inputs.js';

/** With more steps, a slider cannot select each one. */
const MAX_STEPS = 10_000;
/** Number of slider steps if the input has no step. */
const STEPS = 100;

/** A number input, with a slider if the number has bounds. */
export function NumberControl({ id, input, value, isCompact, described, onChange }: ControlProps) {
  const schema = schemaOf(input);
  const isInteger = input.kind === 'integer';
  const range = isCompact ? undefined : rangeOf(schema, isInteger);
  const onInput = ({ currentTarget }: { currentTarget: HTMLInputElement }) => onChange(currentTarget.value);
  const box = (
    <input
      {...described}
      id={id}
      type="number"
      min={schema.minimum}
      max={schema.maximum}
      // Also allows values between the steps of the slider.
      step={isInteger ? 1 : 'any'}
      required={input.required || schema.default !== undefined}
      value={value}
      onInput={onInput}
    />
  );
  if (!range) return box;
  return (
    <span class="slider">
      <input
        type="range"
        {...range}
        value={value === '' ? range.min : value}
        aria-label={`${titleOf(input)}, slider`}
        onInput={onInput}
      />
      {box}
    </span>
  );
}

function rangeOf(
  { minimum: min, maximum: max, step, multipleOf }: ValueSchema,
  isInteger: boolean,
): { readonly min: number; readonly max: number; readonly step: number } | undefined {
  if (min === undefined || max === undefined || max <= min) return undefined;
  const by = step ?? multipleOf ?? (isInteger ? 1 : (max - min) / STEPS);
  return by > 0 && (max - min) / by <= MAX_STEPS ? { min, max, step: by } : undefined;
}
