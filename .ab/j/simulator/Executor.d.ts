import type { FileStore } from './FileStore.js';
import type { Faults } from './faults.js';
import type { NodeClass } from './nodes.js';
import { type Moment, type Prompt } from './prompt.js';
import type { Message, SimulatedSockets } from './sockets.js';
export interface ExecutorOptions {
    /** `older` takes no prompt id, sends neither `progress_state` nor `execution_success`, and interrupts anything. */
    readonly generation: 'current' | 'older';
    /** Milliseconds of model work by node class. */
    readonly workMs: Readonly<Record<string, number>>;
    /** Between `execution_success` and the history entry, ms. */
    readonly historyDelayMs: number;
}
/** One prompt at a time, in order; queue and history live in this object's memory and die with it. */
export declare class Executor {
    #private;
    readonly history: Map<string, Record<string, unknown>>;
    readonly classes: Readonly<Record<string, NodeClass>>;
    constructor(classes: Readonly<Record<string, NodeClass>>, world: {
        sockets: SimulatedSockets;
        files: FileStore;
        faults: Faults;
        onMoment(moment: Moment, output: string): void;
    }, options: ExecutorOptions);
    get queueRemaining(): number;
    /** What a socket is told when it connects: `executing` comes without a prompt id (protocol trap 4). */
    hello(clientId: string): Message[];
    enqueue(prompt: Prompt): void;
    queue(): {
        queue_running: unknown[];
        queue_pending: unknown[];
    };
    deletePending(ids: readonly string[]): void;
    clearPending(): void;
    /** With an id, stops that prompt if it is the one running; an older server, or none, stops whatever runs. */
    interrupt(promptId: string | undefined): void;
    /** The process is gone: nothing of it runs on. */
    kill(): void;
}
