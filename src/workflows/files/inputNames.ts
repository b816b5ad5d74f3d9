/** Names of inputs and outputs: form fields and JSON keys. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Common parameters of all submissions. */
const RESERVED = new Set([
  'async',
  'mode',
  'format',
  'inputs',
  'imageFile',
  'webhook_url',
  'webhook_events',
  'webhook_image',
  'priority',
  'deadline_seconds',
]);

/** The problem with the name of an input or output, as the end of a sentence. */
export function nameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return 'must be a name of letters, digits, _ and -, starting with a letter';
  if (RESERVED.has(name) || name in Object.prototype) return 'must not be a name that the server uses itself';
  return undefined;
}

/** Makes a name from a title, such as `reference_face` from "Reference Face"; undefined if nothing is left. */
export function nameFromTitle(title: string): string | undefined {
  const name = title
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^[^a-z]+|_+$/g, '')
    .slice(0, 40);
  return name.length > 1 && nameProblem(name) === undefined ? name : undefined;
}

/** `name`, or `name_2`, `name_3`, … if it is taken. @param first the number to begin with, if all lower ones are known to be taken */
export function freeName(name: string, isTaken: (name: string) => boolean, first = 1): string {
  for (let count = first; ; count += 1) {
    const candidate = count === 1 ? name : `${name}_${count}`;
    if (!isTaken(candidate)) return candidate;
  }
}
