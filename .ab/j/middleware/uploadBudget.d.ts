/** Memory for uploads that are being received: as many as fit at the same time, however many clients there are. */
export declare class UploadBudget {
    #private;
    constructor(maxBytes: number);
    /**
     * Sets `bytes` aside.
     * @returns what gives them back; further calls do nothing
     * @throws AppError `QUEUE_FULL` when they do not fit
     */
    reserve(bytes: number, retryAfterSeconds: () => number): () => void;
}
