import type { InspectedImage } from './inspect.js';
/**
 * Makes an upload fit for ComfyUI's base64 loader, which ignores EXIF rotation: a photo that lies on its side is
 * turned upright, in its own format. Any other image is handed on byte for byte.
 * @throws AppError `INVALID_IMAGE` when the pixels cannot be decoded
 */
export declare function normaliseImage(bytes: Buffer, image: InspectedImage): Promise<Buffer>;
