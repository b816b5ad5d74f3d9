/** Room for a file whose length nobody declared, to begin with. */
const FIRST_BYTES = 64 * 1024;
/** A file that fills less than this share of its buffer is moved into one of its size. */
const LEAST_FILL = 0.9;
/**
 * Where multer puts a file: straight into one buffer of the length that `expectedBytes` tells. Its own storage keeps
 * the parts of a file beside each other until all are there, and then copies them: twice the memory, and more time
 * than all else that an upload takes.
 * @param expectedBytes the most that the request's file can have, 0 where that is not known
 */
export function oneBufferStorage(expectedBytes) {
    return {
        _handleFile(request, file, done) {
            const received = new ReceivedFile(expectedBytes(request) || FIRST_BYTES);
            file.stream.on('data', (part) => received.append(part));
            file.stream.once('error', done);
            file.stream.once('end', () => {
                const buffer = received.take();
                done(null, { buffer, size: buffer.length });
            });
        },
        _removeFile(_request, file, done) {
            file.buffer = Buffer.alloc(0);
            done(null);
        },
    };
}
/** Bytes as they come, in a buffer that grows if it must. */
class ReceivedFile {
    #buffer;
    #size = 0;
    constructor(expectedBytes) {
        // A pooled buffer would keep its whole slab alive for as long as the job is kept.
        this.#buffer = Buffer.allocUnsafeSlow(expectedBytes);
    }
    append(part) {
        if (this.#size + part.length > this.#buffer.length) {
            this.#resize(Math.max(2 * this.#buffer.length, this.#size + part.length));
        }
        this.#size += part.copy(this.#buffer, this.#size);
    }
    /** The bytes that came; nothing may be appended any more. */
    take() {
        if (this.#size < LEAST_FILL * this.#buffer.length)
            this.#resize(this.#size);
        return this.#buffer.subarray(0, this.#size);
    }
    #resize(bytes) {
        const buffer = Buffer.allocUnsafeSlow(bytes);
        this.#buffer.copy(buffer, 0, 0, this.#size);
        this.#buffer = buffer;
    }
}
//# sourceMappingURL=uploadStorage.js.map