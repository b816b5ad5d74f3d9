import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Writes a file atomically: under a temporary name until every byte is on the disk. Creates its folder; leaves
 * nothing behind on failure. Only one write at a time to the same file.
 * @param bytes all at once, or as a stream
 * @throws Error of the file system, or of `bytes`
 */
export async function replaceFile(file: string, bytes: Buffer | AsyncIterable<Buffer>): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.tmp`;
  try {
    await writeFile(temporary, bytes, { flush: true });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}
