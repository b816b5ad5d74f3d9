import type { Faults } from './faults.js';
import type { Moment } from './prompt.js';
import type { SimulatedSockets } from './sockets.js';
/** What mischief is done to. */
interface Machine {
    readonly faults: Faults;
    readonly sockets: SimulatedSockets;
    crash(): Promise<void>;
    unplug(): Promise<void>;
    plugIn(): Promise<void>;
    readonly traps: {
        later(ms: number, what: () => unknown): void;
    };
}
/**
 * What can happen to a machine, by name. Each goes on until the machine is told to behave, but for those that are over in
 * themselves.
 */
export declare const MISCHIEF: {
    'connection refused': (machine: Machine) => Promise<void>;
    'connection reset': ({ faults }: Machine) => void;
    'one answer reset': ({ faults }: Machine) => void;
    'never answers': ({ faults }: Machine) => void;
    'answers too late': ({ faults }: Machine) => void;
    'one answer too late': ({ faults }: Machine) => void;
    '500 for everything': ({ faults }: Machine) => void;
    '502 HTML of a proxy': ({ faults }: Machine) => void;
    'one 502 HTML': ({ faults }: Machine) => void;
    'malformed answers': ({ faults }: Machine) => void;
    'one malformed answer': ({ faults }: Machine) => void;
    'half answers': ({ faults }: Machine) => void;
    'one half answer': ({ faults }: Machine) => void;
    'sockets closed': ({ sockets }: Machine) => void;
    'sockets cut': ({ sockets }: Machine) => void;
    'sockets half-open': ({ sockets }: Machine) => void;
    'sockets deaf': ({ faults }: Machine) => void;
    'messages twice': ({ faults }: Machine) => void;
    'messages out of order': ({ faults }: Machine) => void;
    'messages of strangers': ({ faults }: Machine) => void;
    'messages of 10 MB': ({ faults }: Machine) => void;
    'messages of rubbish': ({ faults }: Machine) => void;
    'killed for good': (machine: Machine) => Promise<void>;
    'killed and back': (machine: Machine) => Promise<void>;
    'never finishes': ({ faults }: Machine) => void;
    'out of memory': ({ faults }: Machine) => void;
    'result file gone': ({ faults }: Machine) => void;
    'result is no image': ({ faults }: Machine) => void;
};
export type MischiefName = keyof typeof MISCHIEF;
/** Mischief that waits for a prompt to come to a moment. */
export interface Trap {
    readonly name: MischiefName;
    readonly at: Moment;
    /** Between the moment and the mischief, ms. */
    readonly afterMs: number;
    /** Only prompts whose output file has this in its name spring it. */
    readonly output: string;
}
export {};
