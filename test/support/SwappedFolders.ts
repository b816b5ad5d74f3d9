import { type FilePlace, numberOf } from '../../src/simulator/folders.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';

/** The folders of a machine whose output nodes write other bytes than they should. */
export class SwappedFolders extends MemoryFolders {
  /** Number of written outputs. */
  written = 0;
  /** Returns the bytes of the n-th written output, from 1. */
  swap: ((n: number) => Buffer) | undefined;

  override write(place: FilePlace, bytes: Buffer): void {
    // Uploads have no number.
    if (numberOf(place.filename) === undefined) {
      super.write(place, bytes);
      return;
    }
    this.written += 1;
    super.write(place, this.swap?.(this.written) ?? bytes);
  }
}
