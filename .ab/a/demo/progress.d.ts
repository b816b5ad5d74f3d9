import type { Writable } from 'node:stream';
/** One job's progress on a terminal, redrawn in place; in a file or pipe only its steps. */
export declare class ProgressBar {
    #private;
    constructor(label: string, out?: Writable & {
        isTTY?: boolean;
    });
    update(percentage: number, note: string): void;
    end(): void;
}
