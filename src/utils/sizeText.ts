const MIB = 1024 * 1024;

/** A limit of bytes for a message: in MB if that is exact. */
export function sizeText(bytes: number): string {
  return bytes % MIB === 0 && bytes > 0 ? `${bytes / MIB} MB` : `${bytes} bytes`;
}
