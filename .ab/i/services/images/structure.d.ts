/**
 * Walks an image file's own structure, without decoding a pixel: its size, whether it has transparency or EXIF
 * data, and whether it runs to its end. Formats: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), WebP (RFC 9649).
 */
export interface ImageStructure {
    readonly width: number;
    readonly height: number;
    readonly hasAlpha: boolean;
    readonly hasExif: boolean;
    /** Why the file is broken, or undefined when it runs to its end. */
    readonly problem: string | undefined;
}
export type ImageType = 'image/png' | 'image/jpeg' | 'image/webp';
/** Reads the structure of a file whose type is known from its first bytes; undefined when it has no size at all. */
export declare function readStructure(bytes: Buffer, type: ImageType): ImageStructure | undefined;
/** The first bytes of every PNG. */
export declare const PNG_SIGNATURE: Buffer<ArrayBuffer>;
