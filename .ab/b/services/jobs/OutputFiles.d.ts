/** Keeps a copy of each result on disk. */
export declare class OutputFiles {
    #private;
    constructor(root: string);
    /**
     * Writes `<root>/<job id>/<type>.<extension>`, under a temporary name until it is whole.
     * @returns the file's path
     * @throws Error when a part would lead out of the folder, or when the disk does not take it
     */
    save(jobId: string, type: string, extension: string, bytes: Buffer): Promise<string>;
}
