import { AppError } from '../errors.js';
/** Memory for uploads that are being received: as many as fit at the same time, however many clients there are. */
export class UploadBudget {
    #maxBytes;
    #reserved = 0;
    constructor(maxBytes) {
        this.#maxBytes = maxBytes;
    }
    /**
     * Sets `bytes` aside.
     * @returns what gives them back; further calls do nothing
     * @throws AppError `QUEUE_FULL` when they do not fit
     */
    reserve(bytes, retryAfterSeconds) {
        if (this.#reserved + bytes > this.#maxBytes) {
            throw new AppError('QUEUE_FULL', 'Too many uploads are being received.', {
                retryAfterSeconds: retryAfterSeconds(),
            });
        }
        this.#reserved += bytes;
        let isHeld = true;
        return () => {
            if (isHeld)
                this.#reserved -= bytes;
            isHeld = false;
        };
    }
}
//# sourceMappingURL=uploadBudget.js.map