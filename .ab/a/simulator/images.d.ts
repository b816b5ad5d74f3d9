/** An image between two nodes: 8 bits a channel, 3 (RGB) or 4 (RGBA) channels. */
export interface Raster {
    readonly data: Buffer;
    readonly width: number;
    readonly height: number;
    readonly channels: 3 | 4;
}
/** Decodes like ComfyUI's loaders, to RGB: transparency is dropped, EXIF rotation is applied only on demand. */
export declare function decodeRgb(bytes: Buffer, applyExif: boolean): Promise<Raster>;
export declare function encodePng(image: Raster): Promise<Buffer>;
export declare function resize(image: Raster, width: number, height: number): Promise<Raster>;
/**
 * A stand-in for a matting model: what is connected to the border and looks like it is background. Good enough
 * for a subject on a plain ground.
 * @returns the image with an alpha channel
 */
export declare function cutOut(image: Raster): Promise<Raster>;
