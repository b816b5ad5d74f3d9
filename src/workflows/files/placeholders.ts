/** Values that a program should have filled in, such as `{{prompt}}`, `%PROMPT%`, `${JOB_ID}` or `<SEED>`. */
const PLACEHOLDER =
  /^\s*(\{\{[^{}]+\}\}|\$\{[^{}]+\}|%[A-Za-z_]\w*%|<[A-Z][A-Z0-9_]*>|__[A-Z][A-Z0-9_]*__)\s*$/;
/** Placeholders that nodes fill in themselves, in the names of files. */
const TOKENS = /^\s*%(date|time|width|height|seed|counter|model|year|month|day|hour|minute|second)%\s*$/;

/** Whether the whole value of a text or of a file's name is a placeholder and no usable default. */
export function isPlaceholder(value: unknown): value is string {
  return isTemplate(value) && !TOKENS.test(value);
}

/** Whether a number is open: null, or any placeholder. No node fills in its own numbers, and ComfyUI rejects null. */
export function isOpenNumber(value: unknown): boolean {
  return value === null || isTemplate(value);
}

function isTemplate(value: unknown): value is string {
  return typeof value === 'string' && PLACEHOLDER.test(value.slice(0, 300));
}
