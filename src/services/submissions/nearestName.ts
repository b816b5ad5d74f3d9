/** Longer names are compared by their beginnings: the work grows with the square of the length. */
const MAX_LENGTH = 64;

/** The name that is most like `name`: the one with the fewest letters to change, the first of several. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = editDistance(lettersOf(name), lettersOf(candidate));
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

/** `negativePrompt` and `negative_prompt` are alike. */
function lettersOf(name: string): string {
  return name.slice(0, MAX_LENGTH).toLowerCase().replaceAll(/[-_ ]/g, '');
}

/** How many letters must be put in, taken out or changed to make `to` of `from` (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, n) => n);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
