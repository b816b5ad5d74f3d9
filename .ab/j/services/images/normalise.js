import sharp from 'sharp';
import { AppError } from '../../errors.js';
// High enough that nobody sees the second encoding, a third of the bytes of 100.
const JPEG_QUALITY = 95;
/**
 * Makes an upload fit for ComfyUI's base64 loader, which ignores EXIF rotation: a photo that lies on its side is
 * turned upright, in its own format. Any other image is handed on byte for byte.
 * @throws AppError `INVALID_IMAGE` when the pixels cannot be decoded
 */
export async function normaliseImage(bytes, image) {
    if (!image.needsTurning)
        return bytes;
    // `autoOrient` turns the pixels and drops the EXIF tag that asked for it.
    const upright = sharp(bytes, { limitInputPixels: false, failOn: 'truncated' }).autoOrient();
    try {
        switch (image.mimeType) {
            case 'image/png':
                return await upright.png({ compressionLevel: 6 }).toBuffer();
            case 'image/jpeg':
                return await upright.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' }).toBuffer();
            case 'image/webp':
                return await upright.webp({ lossless: true }).toBuffer();
        }
    }
    catch (error) {
        throw new AppError('INVALID_IMAGE', 'The image cannot be decoded.', { cause: error });
    }
}
//# sourceMappingURL=normalise.js.map