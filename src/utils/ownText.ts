/** V8 copies shorter parts of a text. */
const LEAST_VIEW = 13;

/**
 * Returns the same text in memory of its own. In V8, a part of a text (`slice`, `split`, the match of an expression) is a view of the
 * whole: an id that is kept for a day keeps the request body that it came in. Call it for a part of a text of any length that is
 * kept longer than the whole.
 */
export function ownText(text: string): string {
  // Joining two parts writes them into one new text. Unlike a detour over bytes, it keeps unpaired surrogates, and takes a third of the time.
  return text.length < LEAST_VIEW ? text : [text.charAt(0), text.slice(1)].join('');
}
