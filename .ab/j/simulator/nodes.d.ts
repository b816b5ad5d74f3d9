/** What a node does its work with. */
interface NodeContext {
    /** Reports a step of the running node and takes its share of the node's time; throws when interrupted. */
    step(value: number, max: number): Promise<void>;
    /** Files of `/upload/image`, by name. */
    readInput(name: string): Buffer | undefined;
    /** Keeps an output file and names it like ComfyUI: `prefix_00001_.png`. */
    saveOutput(prefix: string, bytes: Buffer): {
        filename: string;
        subfolder: string;
        type: string;
    };
}
type Inputs = Readonly<Record<string, unknown>>;
/** A node class: how `/object_info` describes it, and what it makes of its inputs. */
export interface NodeClass {
    readonly required: Readonly<Record<string, readonly unknown[]>>;
    readonly output: readonly string[];
    readonly outputNode?: boolean;
    readonly category: string;
    /** Values by output slot, or for an output node what `executed` tells. */
    run(inputs: Inputs, context: NodeContext): Promise<{
        values: unknown[];
        ui?: unknown;
    }>;
}
/** An exception of a node, as `execution_error` reports it. */
export declare class NodeException extends Error {
    readonly exceptionType: string;
    constructor(exceptionType: string, message: string);
}
/** The classes that a ComfyUI set up for this server's workflows has, and a few core ones beside them. */
export declare function nodeClasses(models: readonly string[]): Record<string, NodeClass>;
/** The same classes, but images are the bytes that came and stay so: what is measured then is not the simulator. */
export declare function echoClasses(models: readonly string[]): Record<string, NodeClass>;
/** One class as `GET /object_info` lists it. */
export declare function objectInfo(name: string, node: NodeClass): Record<string, unknown>;
export {};
