/**
 * A small WebP of an image, for lists; transparency stays.
 * @param maxPixels width x height that is decoded at most
 */
export declare function makeThumbnail(image: Buffer, maxPixels: number): Promise<Buffer>;
