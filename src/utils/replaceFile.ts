import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * Writes a file whole or not at all: under a temporary name beside it until every byte is on the disk. Makes its
 * folder; leaves nothing behind when the disk does not take it. One write at a time to the same file.
 * @param bytes all at once, or as they come
 * @throws Error as the file system gave it, or what the bytes fail with
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
