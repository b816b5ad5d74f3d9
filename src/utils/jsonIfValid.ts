/** Parses JSON; returns undefined if it is invalid. */
export function jsonIfValid(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
