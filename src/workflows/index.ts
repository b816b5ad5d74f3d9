import { removeBackground } from './removeBackground.js';
import type { Workflow } from './types.js';
import { upscaleImage } from './upscaleImage.js';
import { upscaleRemoveBackground } from './upscaleRemoveBackground.js';

/** Every workflow that the server offers: a file each, and a line here. */
export const workflows: readonly Workflow[] = [removeBackground, upscaleImage, upscaleRemoveBackground];
