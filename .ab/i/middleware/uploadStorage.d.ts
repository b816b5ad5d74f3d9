import type { Request } from 'express';
import type { StorageEngine } from 'multer';
/**
 * Where multer puts a file: straight into one buffer of the length that `expectedBytes` tells. Its own storage keeps
 * the parts of a file beside each other until all are there, and then copies them: twice the memory, and more time
 * than all else that an upload takes.
 * @param expectedBytes the most that the request's file can have, 0 where that is not known
 */
export declare function oneBufferStorage(expectedBytes: (request: Request) => number): StorageEngine;
