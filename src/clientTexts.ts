/** Shorter phrases, such as `CUDA`, occur in many texts by chance. Only with their neighbours do they show an origin. */
const WINDOW = 8;
/** A message that repeats so many words of the client only repeats its text. Texts may have megabytes. */
const MAX_PHRASES = 20;

/**
 * Whether a pattern matches words of a message that are the machine's own. A node may repeat a text of its client in its
 * message, and such words say nothing about the machine.
 * @param clientTexts all texts that the client sent
 */
export function matchesOwnWords(pattern: RegExp, message: string, clientTexts: readonly string[]): boolean {
  if (!pattern.test(message)) return false;
  if (clientTexts.length === 0) return true;
  const flags = pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`;
  const texts = clientTexts.map((text) => ({ text, lower: text.toLowerCase() }));
  let count = 0;
  for (const { 0: phrase, index } of message.matchAll(new RegExp(pattern.source, flags))) {
    if (!isOfClient(phrase, windowsAround(message, index, phrase.length), texts)) return true;
    count += 1;
    if (count === MAX_PHRASES) return false;
  }
  return false;
}

function isOfClient(
  phrase: string,
  windows: readonly string[],
  texts: ReadonlyArray<{ text: string; lower: string }>,
): boolean {
  const lowerWindows = windows.map((window) => window.toLowerCase());
  return texts.some(({ text, lower }) =>
    // `cuda` is the value of many inputs, and `CUDA` stands in messages: of short texts the case counts.
    text.length < WINDOW
      ? text.includes(phrase) && windows.some((window) => window.includes(text))
      : lowerWindows.some((window) => lower.includes(window)),
  );
}

/** The parts of a message, as long as the window, that contain a phrase: only the phrase if it is longer. */
function windowsAround(message: string, index: number, length: number): string[] {
  const size = Math.min(Math.max(WINDOW, length), message.length);
  const first = Math.max(0, index + length - size);
  const last = Math.min(index, message.length - size);
  return Array.from({ length: last - first + 1 }, (_, n) => message.slice(first + n, first + n + size));
}
