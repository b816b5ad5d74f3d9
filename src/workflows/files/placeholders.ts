/** Values that a program should have filled in, such as `{{prompt}}`, `%PROMPT%`, `${JOB_ID}` or `<SEED>`. */
const PLACEHOLDER =
  /^\s*(\{\{[^{}]+\}\}|\$\{[^{}]+\}|%[A-Za-z_]\w*%|<[A-Z][A-Z0-9_]*>|__[A-Z][A-Z0-9_]*__)\s*$/;
/** Placeholders that nodes fill in themselves. */
const TOKENS = /^\s*%(date|time|width|height|seed|counter|model|year|month|day|hour|minute|second)%\s*$/;

/** Whether the whole value is a placeholder and no usable default. */
export function isPlaceholder(value: unknown): value is string {
  return typeof value === 'string' && PLACEHOLDER.test(value.slice(0, 300)) && !TOKENS.test(value);
}
