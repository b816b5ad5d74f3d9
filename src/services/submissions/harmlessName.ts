/**
 * Returns a file's name that is safe in logs and JSON: without its path, control characters, characters that change the
 * writing direction, and unpaired surrogates; at most 200 characters.
 * @param otherwise the name of a file without one
 */
export function harmlessName(name: string, otherwise: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? '';
  // The cut may leave half a surrogate pair, which becomes a replacement character.
  const clean = base.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').slice(0, 200);
  return Buffer.from(clean).toString().trim() || otherwise;
}
