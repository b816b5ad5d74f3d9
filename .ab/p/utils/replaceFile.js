import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
/**
 * Writes a file whole or not at all: under a temporary name beside it until every byte is on the disk. Makes its
 * folder; leaves nothing behind when the disk does not take it. One write at a time to the same file.
 * @throws Error as the file system gave it
 */
export async function replaceFile(file, bytes) {
    await mkdir(path.dirname(file), { recursive: true });
    const temporary = `${file}.tmp`;
    try {
        await writeFile(temporary, bytes, { flush: true });
        await rename(temporary, file);
    }
    catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
    }
}
//# sourceMappingURL=replaceFile.js.map