/** Pieces of a graph that several workflows share. */
import type { Base64Image, ModelRequirement, PromptGraph, Size } from './types.js';
export declare const UPSCALE_MODEL_REQUIREMENT: ModelRequirement;
export declare const UPSCALE_NODES: readonly ["ETN_LoadImageBase64", "UpscaleModelLoader", "ImageUpscaleWithModel", "ImageScaleBy", "SaveImage"];
/**
 * Loads `image` (node 1), enlarges it by the model (nodes 2 and 3) and brings it down to `scale` where that is not
 * the model's own factor (node 4).
 * @returns the nodes, and the id of the last one
 */
export declare function upscaleNodes(image: Base64Image, scale: number): {
    nodes: PromptGraph;
    last: string;
};
/** Size of an image enlarged by `scale`. */
export declare function scaled({ width, height }: Size, scale: number): Size;
