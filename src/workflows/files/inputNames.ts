/** Names of inputs and outputs: fields of forms, keys in JSON. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** What every submission may have beside the workflow's own inputs. */
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

/** What is wrong with the name of an input or output, as the end of a sentence. */
export function nameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return 'takes a name of letters, digits, _ and -, that begins with a letter';
  if (RESERVED.has(name) || name in Object.prototype)
    return 'takes a name that is not used by the server itself';
  return undefined;
}

/** Makes a name of a title, such as `reference_face` of "Reference Face"; undefined where nothing is left of it. */
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

/** `name`, or `name_2`, `name_3`, … where it is taken. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? name : `${name}_${count}`;
    if (!isTaken(candidate)) return candidate;
  }
}
