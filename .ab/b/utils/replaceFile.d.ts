/**
 * Writes a file whole or not at all: under a temporary name beside it until every byte is on the disk. Makes its
 * folder; leaves nothing behind when the disk does not take it. One write at a time to the same file.
 * @throws Error as the file system gave it
 */
export declare function replaceFile(file: string, bytes: Buffer): Promise<void>;
