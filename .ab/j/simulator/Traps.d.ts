import type { MischiefName, Trap } from './mischief.js';
import type { Moment } from './prompt.js';
/** Mischief that waits: for a prompt to come to a moment, and for some time to pass. */
export declare class Traps {
    #private;
    /** What the next prompt that comes to its moment sets off, once. */
    waiting: Trap | undefined;
    /** The mischief that was set off last, and when (epoch ms). */
    sprung: {
        readonly name: MischiefName;
        readonly time: number;
    } | undefined;
    constructor(misbehave: (name: MischiefName) => Promise<void>);
    /** Something came to a moment that a trap may wait for; resolves when what it set off at once is done. */
    onMoment(moment: Moment, output: string): Promise<void>;
    /** Sets mischief off now. */
    set(name: MischiefName): Promise<void>;
    /** Does something later unless `clear` comes first. */
    later(ms: number, what: () => unknown): void;
    /** Forgets everything that waits. */
    clear(): void;
}
