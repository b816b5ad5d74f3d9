import type { ServerResponse } from 'node:http';
/** What a simulated ComfyUI answers. */
export interface Answer {
    readonly status: number;
    readonly json?: unknown;
    readonly text?: string;
    readonly png?: Buffer;
}
/** Writes an answer as aiohttp would: JSON, text, an image, or nothing; or with another body than it has. */
export declare function writeAnswer(response: ServerResponse, answer: Answer, rewrite?: (body: Buffer) => Buffer): void;
/** Writes an answer as a broken network or proxy would. */
export declare function writeSpoiled(response: ServerResponse, answer: Answer, how: 'reset' | 'malformed' | 'half'): void;
