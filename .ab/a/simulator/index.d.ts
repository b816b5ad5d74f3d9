import { type ExecutorOptions } from './Executor.js';
import { type Faults } from './faults.js';
import { SimulatedSockets } from './sockets.js';
import { Traps } from './Traps.js';
export type { Faults } from './faults.js';
export { OUT_OF_MEMORY } from './faults.js';
export interface SimulatorOptions extends Partial<ExecutorOptions> {
    /** Node classes that this instance does not have. */
    readonly withoutNodes?: readonly string[];
    /** A header without which nobody gets in, as behind a proxy that asks for a key. Name in lower case. */
    readonly requireHeader?: {
        readonly name: string;
        readonly value: string;
    };
    /** Nodes hand images on as they are. */
    readonly isEcho?: boolean;
    /** Enlargement models that it has. */
    readonly models?: readonly string[];
}
/**
 * A ComfyUI stand-in that speaks its protocol over real sockets and makes real images, with faults that can be
 * switched on. It lives in one process and has one port, which it keeps over a crash and restart.
 */
export declare class Simulator {
    #private;
    readonly faults: Faults;
    /** Ids of every prompt that was ever accepted. */
    readonly promptIds: string[];
    /** Requests by method and first part of the path, such as `GET /history`. */
    readonly requests: Map<string, number>;
    readonly traps: Traps;
    constructor(options?: SimulatorOptions);
    /** Whether it listens. */
    get isRunning(): boolean;
    /** `host:port`, as `COMFYUI_HOST` takes it. */
    get host(): string;
    get sockets(): SimulatedSockets;
    /** Ids of the prompts in the history. */
    get historyIds(): string[];
    /** Prompts that wait or run. */
    get queueRemaining(): number;
    /** Lets every model node take `ms` milliseconds from now on. */
    setWork(ms: number): void;
    /** Listens on `port`, or on any free one for 0. */
    start(port?: number, host?: string): Promise<void>;
    /** Dies like a killed process: every connection is cut, and queue, history, cache and files are gone. */
    crash(): Promise<void>;
    /** Cuts every connection and takes no new one; what runs goes on. */
    unplug(): Promise<void>;
    /** Listens again on the same port. */
    plugIn(): Promise<void>;
    /** Comes back on the same port, with nothing in its memory. */
    restart(): Promise<void>;
    /** Ends all mischief: the machine is as it was, or back with nothing in its memory if it was killed. */
    behave(): Promise<void>;
    /** Ends. */
    stop(): Promise<void>;
}
/** Creates a simulator and starts it. */
export declare function startSimulator(options?: SimulatorOptions, port?: number): Promise<Simulator>;
