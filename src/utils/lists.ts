/** The entries of a comma-separated list, trimmed; empty ones are omitted. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}
