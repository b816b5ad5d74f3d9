import path from 'node:path';
import { replaceFile } from '../../utils/replaceFile.js';
/** Keeps a copy of each result on disk. */
export class OutputFiles {
    #root;
    constructor(root) {
        this.#root = path.resolve(root);
    }
    /**
     * Writes `<root>/<job id>/<type>.<extension>`, under a temporary name until it is whole.
     * @returns the file's path
     * @throws Error when a part would lead out of the folder, or when the disk does not take it
     */
    async save(jobId, type, extension, bytes) {
        const file = path.resolve(this.#root, jobId, `${type}.${extension}`);
        if (path.dirname(path.dirname(file)) !== this.#root) {
            throw new Error('An output file must not be led out of its folder.');
        }
        await replaceFile(file, bytes);
        return file;
    }
}
//# sourceMappingURL=OutputFiles.js.map