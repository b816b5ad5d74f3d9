import { z } from 'zod';
const graphNode = z.object({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()) });
export const graphSchema = z.record(z.string(), graphNode);
/** Where a prompt is when something is to happen to it. */
export const MOMENTS = ['submit', 'pending', 'running', 'success', 'view'];
/** The form in which queue and history list a prompt: the whole of it, its images included. */
export function listed(prompt) {
    const extra = {
        ...prompt.extraData,
        ...(prompt.clientId === undefined ? {} : { client_id: prompt.clientId }),
    };
    return [prompt.number, prompt.id, prompt.graph, extra, prompt.outputs];
}
/** Where a prompt's output goes: the prefix of its file's name. */
export function outputName({ graph }) {
    return Object.values(graph)
        .map((node) => String(node.inputs['filename_prefix'] ?? ''))
        .join();
}
/** Source node of an input that is a link, undefined for a plain value. */
export function linkSource(value) {
    return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' ? value[0] : undefined;
}
//# sourceMappingURL=prompt.js.map