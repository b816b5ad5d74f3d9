import type { Workflow } from '../../workflows/types.js';
import type { ComfyClient } from '../comfyui/ComfyClient.js';
/**
 * Asks an instance which of the workflows' nodes and models it has.
 * @returns what is missing by workflow type, a model as `UpscaleModelLoader: file.pth`; complete workflows are left out
 */
export declare function findMissing(client: ComfyClient, workflows: readonly Workflow[], signal?: AbortSignal): Promise<Map<string, string[]>>;
