import { removeBackground } from './removeBackground.js';
import { upscaleImage } from './upscaleImage.js';
import { upscaleRemoveBackground } from './upscaleRemoveBackground.js';
/** Every workflow that the server offers: a file each, and a line here. */
export const workflows = [removeBackground, upscaleImage, upscaleRemoveBackground];
//# sourceMappingURL=index.js.map