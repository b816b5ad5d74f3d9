import type { Request } from 'express';
import type { StorageEngine } from 'multer';
import type { StoredFile } from '../utils/StoredFile.js';
import { GrowingBuffer } from './GrowingBuffer.js';

const NOTHING = Buffer.alloc(0);

/** Takes a file as it comes to where it is stored; undefined for one that is to be in memory. */
export type FieldStore = (file: Express.Multer.File) => Promise<StoredFile> | undefined;

/** The files of one form, as they come. */
export class FormFiles {
  readonly #buffers = new Set<GrowingBuffer>();
  readonly #files = new Set<Express.Multer.File>();
  /** By field. */
  readonly #stored = new Map<string, StoredFile>();

  /** The file of a field, where it is not in memory. */
  stored(field: string): StoredFile | undefined {
    return this.#stored.get(field);
  }

  /** Lets go what came, although the request itself may last a while. */
  discard(): void {
    for (const buffer of this.#buffers) buffer.discard();
    for (const file of this.#files) file.buffer = Buffer.alloc(0);
  }

  /**
   * Where multer puts each file: straight into one buffer. Its own storage keeps the parts of a file beside each other
   * until all are there, and then copies them: twice the memory, and more time than all else that an upload takes.
   * @param store takes a file that is not to be in memory
   * @param expectedBytes the most that a file of the request can have, 0 where that is not known
   */
  storage(expectedBytes: (request: Request) => number, store: FieldStore): StorageEngine {
    return {
      _handleFile: (request, file, done) => {
        const stored = store(file);
        if (stored) {
          stored.then(
            (content) => {
              this.#stored.set(file.fieldname, content);
              done(null, { buffer: NOTHING, size: content.sizeBytes });
            },
            (error: unknown) => done(error),
          );
          return;
        }
        const received = new GrowingBuffer(expectedBytes(request));
        this.#buffers.add(received);
        file.stream.on('data', (part: Buffer) => received.append(part));
        file.stream.once('error', done);
        file.stream.once('end', () => {
          this.#buffers.delete(received);
          this.#files.add(file);
          const buffer = received.take();
          done(null, { buffer, size: buffer.length });
        });
      },
      _removeFile: (_request, file, done) => {
        file.buffer = Buffer.alloc(0);
        done(null);
      },
    };
  }
}
