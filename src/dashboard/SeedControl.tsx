import { type ControlProps, schemaOf, titleOf } from './inputs.js';

/** Limit for random seeds: every node supports seeds below it. */
const SEED_LIMIT = 2 ** 32;

/** An integer of up to 20 digits, kept as text so that no digit is lost; empty for a random seed. */
export function SeedControl({ id, input, value, described, onChange }: ControlProps) {
  const { minimum = 0, maximum = SEED_LIMIT } = schemaOf(input);
  const roll = () => {
    const above = Math.min(maximum + 1, minimum + SEED_LIMIT);
    onChange(String(minimum + Math.floor(Math.random() * (above - minimum))));
  };
  return (
    <span class="seed">
      <input
        {...described}
        id={id}
        type="text"
        inputMode="numeric"
        pattern="-?[0-9]*"
        maxLength={20}
        required={input.required}
        placeholder={input.required ? undefined : 'random'}
        value={value}
        onInput={({ currentTarget }) => onChange(currentTarget.value.trim())}
      />
      <button type="button" class="dice" title={`Random ${titleOf(input).toLowerCase()}`} onClick={roll}>
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <rect
            x="3"
            y="3"
            width="18"
            height="18"
            rx="4"
            fill="none"
            stroke="currentColor"
            stroke-width="2"
          />
          {PIPS.map(([x, y]) => (
            <circle key={`${x} ${y}`} cx={x} cy={y} r="1.8" fill="currentColor" />
          ))}
        </svg>
        <span class="unseen">Random {titleOf(input).toLowerCase()}</span>
      </button>
    </span>
  );
}

/** The five dots of the die. */
const PIPS = [
  [8, 8],
  [16, 8],
  [12, 12],
  [8, 16],
  [16, 16],
] as const;
