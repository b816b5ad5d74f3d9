import { z } from 'zod';
export declare const graphSchema: z.ZodRecord<z.ZodString, z.ZodObject<{
    class_type: z.ZodString;
    inputs: z.ZodRecord<z.ZodString, z.ZodUnknown>;
}, z.core.$strip>>;
export type Graph = z.output<typeof graphSchema>;
/** Where a prompt is when something is to happen to it. */
export declare const MOMENTS: readonly ["submit", "pending", "running", "success", "view"];
export type Moment = (typeof MOMENTS)[number];
/** A prompt in the simulator's queue or history. */
export interface Prompt {
    readonly number: number;
    readonly id: string;
    readonly graph: Graph;
    readonly clientId: string | undefined;
    readonly extraData: Record<string, unknown>;
    /** Ids of the output nodes. */
    readonly outputs: readonly string[];
}
/** The form in which queue and history list a prompt: the whole of it, its images included. */
export declare function listed(prompt: Prompt): unknown[];
/** Where a prompt's output goes: the prefix of its file's name. */
export declare function outputName({ graph }: {
    readonly graph: Graph;
}): string;
/** Source node of an input that is a link, undefined for a plain value. */
export declare function linkSource(value: unknown): string | undefined;
