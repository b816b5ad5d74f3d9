import sharp from 'sharp';
/** Pixels, at most, either way. */
const SIDE = 192;
/**
 * A small WebP of an image, for lists; transparency stays.
 * @param maxPixels width x height that is decoded at most
 */
export async function makeThumbnail(image, maxPixels) {
    return sharp(image, { limitInputPixels: maxPixels })
        .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
        .webp({ quality: 70 })
        .toBuffer();
}
//# sourceMappingURL=thumbnail.js.map