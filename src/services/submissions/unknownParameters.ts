import { nearestName } from '../../utils/nearestName.js';

/** Further ones are only counted. */
const MAX_WARNINGS = 20;
const MAX_SHOWN_NAME = 64;
/** Invisible characters, some of which have a meaning elsewhere. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Returns one sentence for each unknown parameter, with the nearest known name.
 * @param given names of the received parameters
 * @param known names of parameters
 * @param files names of file inputs, which are not parameters
 */
export function unknownParameters(
  given: readonly string[],
  known: ReadonlySet<string>,
  files: ReadonlySet<string>,
): string[] {
  const unknown = given.filter((name) => !known.has(name));
  const warnings = unknown.slice(0, MAX_WARNINGS).map((name) => {
    const shown = JSON.stringify(name.replace(UNSEEN, '').slice(0, MAX_SHOWN_NAME));
    if (files.has(name)) return `${shown} must be a file: its text was ignored.`;
    const nearest = nearestName(name, [...known, ...files]);
    return `Unknown parameter ${shown} was ignored. The nearest known name is "${nearest}".`;
  });
  const more = unknown.length - warnings.length;
  return more > 0 ? [...warnings, `${more} more unknown parameters were ignored.`] : warnings;
}
