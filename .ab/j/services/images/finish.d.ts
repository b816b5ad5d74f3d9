import type { OutputFormat } from '../../workflows/parameters.js';
export interface FinishOptions {
    readonly format: OutputFormat;
    /** Cut the image down to what is not transparent. */
    readonly cropToSubject: boolean;
    /** Upright upload whose transparency the result takes over: ComfyUI's loader drops it. */
    readonly transparencyOf: Buffer | undefined;
    /** Width x height that is decoded at most. */
    readonly maxPixels: number;
}
export interface FinishedImage {
    readonly bytes: Buffer;
    readonly mimeType: 'image/png' | 'image/jpeg' | 'image/webp';
    readonly format: OutputFormat;
    readonly width: number;
    readonly height: number;
}
/**
 * Turns the PNG that ComfyUI returned into what was asked for. A PNG that needs nothing is handed on byte for byte.
 * @throws PromptError `result_missing` when it is no image
 */
export declare function finishImage(png: Buffer, options: FinishOptions): Promise<FinishedImage>;
/** File extension of an output format. */
export declare function extensionOf(format: OutputFormat): string;
