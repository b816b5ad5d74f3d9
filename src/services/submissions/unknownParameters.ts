import { nearestName } from './nearestName.js';

/** More than these are only counted. */
const MAX_WARNINGS = 20;
const MAX_SHOWN_NAME = 64;
/** Characters that nobody sees, some of which mean something to others. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * One sentence for each parameter that nobody knows, with the nearest known name.
 * @param given names of the parameters that came
 * @param known names of parameters
 * @param files names of file inputs, which are no parameters
 */
export function unknownParameters(
  given: readonly string[],
  known: ReadonlySet<string>,
  files: ReadonlySet<string>,
): string[] {
  const unknown = given.filter((name) => !known.has(name));
  const warnings = unknown.slice(0, MAX_WARNINGS).map((name) => {
    const shown = JSON.stringify(name.replace(UNSEEN, '').slice(0, MAX_SHOWN_NAME));
    if (files.has(name)) return `${shown} takes a file: the text that came for it was ignored.`;
    const nearest = nearestName(name, [...known, ...files]);
    return `The parameter ${shown} is not known and was ignored. The nearest known name is "${nearest}".`;
  });
  const more = unknown.length - warnings.length;
  return more > 0 ? [...warnings, `${more} more parameters are not known and were ignored.`] : warnings;
}
