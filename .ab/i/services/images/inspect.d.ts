import { type ImageType } from './structure.js';
export interface InspectionLimits {
    /** MIME types that are taken. */
    readonly allowedTypes: readonly ImageType[];
    /** Width x height. */
    readonly maxPixels: number;
}
/** What an upload really is. */
export interface InspectedImage {
    readonly mimeType: ImageType;
    /** Pixels as a viewer shows them: upright. */
    readonly width: number;
    readonly height: number;
    readonly hasAlpha: boolean;
    /** EXIF orientation 2..8: the pixels must be turned before a program that ignores EXIF sees them. */
    readonly needsTurning: boolean;
}
/**
 * Finds out what an upload is: by its bytes, never by its name, and without decoding it.
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE`, `IMAGE_TOO_LARGE` or `INVALID_IMAGE`
 */
export declare function inspectImage(bytes: Buffer, limits: InspectionLimits): Promise<InspectedImage>;
