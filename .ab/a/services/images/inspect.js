import { fileTypeFromBuffer } from 'file-type';
import sharp from 'sharp';
import { AppError } from '../../errors.js';
import { readStructure } from './structure.js';
/**
 * Finds out what an upload is: by its bytes, never by its name, and without decoding it.
 * @throws AppError `UNSUPPORTED_IMAGE_TYPE`, `IMAGE_TOO_LARGE` or `INVALID_IMAGE`
 */
export async function inspectImage(bytes, limits) {
    const mimeType = await detectType(bytes, limits.allowedTypes);
    const structure = readStructure(bytes, mimeType);
    if (!structure || structure.width === 0 || structure.height === 0)
        throw invalid('it has no readable header');
    checkPixels(structure, limits.maxPixels);
    if (structure.problem)
        throw invalid(structure.problem);
    const orientation = structure.hasExif ? await readOrientation(bytes) : 1;
    const isOnItsSide = orientation >= 5;
    return {
        mimeType,
        width: isOnItsSide ? structure.height : structure.width,
        height: isOnItsSide ? structure.width : structure.height,
        hasAlpha: structure.hasAlpha,
        needsTurning: orientation > 1,
    };
}
async function detectType(bytes, allowed) {
    const found = (await fileTypeFromBuffer(bytes))?.mime;
    const type = allowed.find((candidate) => candidate === found);
    if (type)
        return type;
    throw new AppError('UNSUPPORTED_IMAGE_TYPE', `Unsupported image type: the file is ${found ?? 'not a known image'}.`, {
        details: `Takes ${allowed.join(', ')}, decided by the file's bytes.`,
    });
}
function checkPixels({ width, height }, maxPixels) {
    if (width * height <= maxPixels)
        return;
    throw new AppError('IMAGE_TOO_LARGE', `The image is ${width} x ${height} pixels; at most ${maxPixels} pixels are taken.`);
}
/** EXIF orientation 1..8; sharp reads the header only. */
async function readOrientation(bytes) {
    try {
        return (await sharp(bytes, { limitInputPixels: false }).metadata()).orientation ?? 1;
    }
    catch {
        throw invalid('its header cannot be read');
    }
}
function invalid(reason) {
    return new AppError('INVALID_IMAGE', `The image is broken or cut off: ${reason}.`);
}
//# sourceMappingURL=inspect.js.map