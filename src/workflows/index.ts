import { removeBackground } from './removeBackground.js';
import type { Workflow } from './types.js';
import { upscaleImage } from './upscaleImage.js';
import { upscaleRemoveBackground } from './upscaleRemoveBackground.js';

/** The built-in workflows: one file and one line here for each. */
export const workflows: readonly Workflow[] = [removeBackground, upscaleImage, upscaleRemoveBackground];
