/** Bytes of output files kept; the oldest go first. A real ComfyUI fills its disk. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Output and input files, in memory. */
export class FileStore {
  readonly #files = new Map<string, Buffer>();
  readonly #counters = new Map<string, number>();
  #bytes = 0;

  /** Keeps an output file under ComfyUI's naming: a prefix may hold a subfolder, a counter follows it. */
  saveOutput(prefix: string, bytes: Buffer): { filename: string; subfolder: string; type: string } {
    const slash = prefix.lastIndexOf('/');
    const subfolder = slash < 0 ? '' : prefix.slice(0, slash);
    const count = (this.#counters.get(prefix) ?? 0) + 1;
    this.#counters.set(prefix, count);
    const filename = `${prefix.slice(slash + 1)}_${String(count).padStart(5, '0')}_.png`;
    this.put('output', subfolder, filename, bytes);
    return { filename, subfolder, type: 'output' };
  }

  put(type: string, subfolder: string, filename: string, bytes: Buffer): void {
    this.#files.set(key(type, subfolder, filename), bytes);
    this.#bytes += bytes.length;
    for (const [oldest, file] of this.#files) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#files.delete(oldest);
      this.#bytes -= file.length;
    }
  }

  get(type: string, subfolder: string, filename: string): Buffer | undefined {
    return this.#files.get(key(type, subfolder, filename));
  }
}

function key(type: string, subfolder: string, filename: string): string {
  return `${type}/${subfolder}/${filename}`;
}
