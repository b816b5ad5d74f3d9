/** What `progress_state` tells about a prompt: every node that was started, in full, each time. */
export declare class ProgressState {
    #private;
    constructor(promptId: string);
    start(node: string): void;
    step(node: string, value: number, max: number): void;
    finish(node: string): void;
    message(): {
        type: string;
        data: unknown;
    };
}
