/**
 * A file's name as logs and JSON may show it. Its path is nobody's business. It has no control characters, none that
 * turn the direction of writing, no halves of a surrogate pair, and at most 200 characters.
 * @param otherwise the name of a file that has none
 */
export function harmlessName(name: string, otherwise: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? '';
  // Cutting may leave half a surrogate pair, which becomes a replacement character.
  const clean = base.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').slice(0, 200);
  return Buffer.from(clean).toString().trim() || otherwise;
}
