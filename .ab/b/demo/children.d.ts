/**
 * A program of this project as a process of its own. What it writes goes to a file: whoever reads it from a pipe is
 * woken by every line, and the benchmark would measure that.
 */
export declare class Child {
    #private;
    /** @param nodeArgs arguments of Node itself */
    constructor(name: string, script: URL, args: readonly string[], env: Readonly<Record<string, string>>, nodeArgs?: readonly string[]);
    get pid(): number;
    /** Waits for the first match in what it writes. */
    says(pattern: RegExp): Promise<string>;
    stop(): Promise<void>;
}
