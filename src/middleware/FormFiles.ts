import type { Request } from 'express';
import type { StorageEngine } from 'multer';
import type { StoredFile } from '../utils/StoredFile.js';
import { GrowingBuffer } from './GrowingBuffer.js';

const NOTHING = Buffer.alloc(0);

/** Streams a file to the store; undefined for a file that is to be kept in memory. */
export type FieldStore = (file: Express.Multer.File) => Promise<StoredFile> | undefined;

/** The files of one form while they are received. */
export class FormFiles {
  readonly #buffers = new Set<GrowingBuffer>();
  readonly #files = new Set<Express.Multer.File>();
  /** By field. */
  readonly #stored = new Map<string, StoredFile>();

  /** Returns the stored file of a field; undefined if it is in memory. */
  stored(field: string): StoredFile | undefined {
    return this.#stored.get(field);
  }

  /** Releases the received bytes, although the request itself may continue for a while. */
  discard(): void {
    for (const buffer of this.#buffers) buffer.discard();
    for (const file of this.#files) file.buffer = Buffer.alloc(0);
  }

  /**
   * Returns a storage engine for multer that writes each file into one buffer. Multer's own storage collects the parts
   * of a file and then concatenates them: twice the memory, and more time than the rest of an upload.
   * @param expectedBytes upper limit for a file of the request, 0 if unknown
   * @param store streams a file that is not to be kept in memory
   */
  storage(expectedBytes: (request: Request) => number, store: FieldStore = () => undefined): StorageEngine {
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
