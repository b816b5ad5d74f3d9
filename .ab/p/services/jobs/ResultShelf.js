const key = (id) => `${id}/result`;
/** The results' bytes, up to a bound: the oldest go first. */
export class ResultShelf {
    #blobs;
    #maxBytes;
    /** Sizes by job id, in order of arrival. */
    #sizes = new Map();
    #bytes = 0;
    constructor(blobs, maxBytes) {
        this.#blobs = blobs;
        this.#maxBytes = maxBytes;
    }
    async put(id, bytes) {
        this.#sizes.set(id, bytes.length);
        this.#bytes += bytes.length;
        await this.#blobs.put(key(id), bytes);
        for (const oldest of this.#sizes.keys()) {
            // The newest one stays, whatever its size: somebody waits for it.
            if (this.#bytes <= this.#maxBytes || oldest === id)
                break;
            await this.delete(oldest);
        }
    }
    get(id) {
        return this.#blobs.get(key(id));
    }
    async delete(id) {
        const size = this.#sizes.get(id);
        if (size === undefined)
            return;
        this.#sizes.delete(id);
        this.#bytes -= size;
        await this.#blobs.delete(key(id));
    }
}
//# sourceMappingURL=ResultShelf.js.map