/** Bytes of output files kept; the oldest go first. A real ComfyUI fills its disk. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Output and input files, in memory. */
export class FileStore {
    #files = new Map();
    #counters = new Map();
    #bytes = 0;
    /** Keeps an output file under ComfyUI's naming: a prefix may hold a subfolder, a counter follows it. */
    saveOutput(prefix, bytes) {
        const slash = prefix.lastIndexOf('/');
        const subfolder = slash < 0 ? '' : prefix.slice(0, slash);
        const count = (this.#counters.get(prefix) ?? 0) + 1;
        this.#counters.set(prefix, count);
        const filename = `${prefix.slice(slash + 1)}_${String(count).padStart(5, '0')}_.png`;
        this.put('output', subfolder, filename, bytes);
        return { filename, subfolder, type: 'output' };
    }
    put(type, subfolder, filename, bytes) {
        this.#files.set(key(type, subfolder, filename), bytes);
        this.#bytes += bytes.length;
        for (const [oldest, file] of this.#files) {
            if (this.#bytes <= MAX_BYTES)
                break;
            this.#files.delete(oldest);
            this.#bytes -= file.length;
        }
    }
    get(type, subfolder, filename) {
        return this.#files.get(key(type, subfolder, filename));
    }
}
function key(type, subfolder, filename) {
    return `${type}/${subfolder}/${filename}`;
}
//# sourceMappingURL=FileStore.js.map