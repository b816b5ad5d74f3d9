/** Bytes in this process's memory. */
export class MemoryBlobStore {
    #blobs = new Map();
    async put(key, bytes) {
        this.#blobs.set(key, bytes);
    }
    async get(key) {
        return this.#blobs.get(key);
    }
    async delete(key) {
        this.#blobs.delete(key);
    }
    /** How many blobs there are, for whoever counts what is left. */
    get size() {
        return this.#blobs.size;
    }
}
//# sourceMappingURL=stores.js.map