/** Output and input files, in memory. */
export declare class FileStore {
    #private;
    /** Keeps an output file under ComfyUI's naming: a prefix may hold a subfolder, a counter follows it. */
    saveOutput(prefix: string, bytes: Buffer): {
        filename: string;
        subfolder: string;
        type: string;
    };
    put(type: string, subfolder: string, filename: string, bytes: Buffer): void;
    get(type: string, subfolder: string, filename: string): Buffer | undefined;
}
