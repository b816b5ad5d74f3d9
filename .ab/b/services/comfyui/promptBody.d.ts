import type { PromptGraph } from '../../workflows/types.js';
interface PromptBody {
    readonly graph: PromptGraph;
    /** Id of the socket that hears this prompt's events. */
    readonly clientId: string;
    readonly promptId: string;
}
/**
 * Writes the body of `POST /prompt`. Images become base64 here and nowhere else, straight into the bytes that
 * are sent. In one go: shorter strings fill the young generation, whose collections cost more than the long one.
 */
export declare function encodePromptBody({ graph, clientId, promptId }: PromptBody): Buffer;
/** Bytes of all images in a prompt, before they are base64. */
export declare function imageBytes(graph: PromptGraph): number;
export {};
