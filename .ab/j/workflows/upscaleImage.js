import { z } from 'zod';
import { scaled, UPSCALE_MODEL_REQUIREMENT, UPSCALE_NODES, upscaleNodes } from './graphs.js';
import { scaleParameter } from './parameters.js';
import { defineWorkflow } from './types.js';
/** Enlarges an image up to four times with NMKD-Siax. */
export const upscaleImage = defineWorkflow({
    type: 'upscale-image',
    title: 'Upscale',
    description: 'Enlarges the image up to four times with NMKD-Siax.',
    estimateSeconds: 15,
    parameters: z.object({ scale: scaleParameter.describe('How many times larger, 1 to 4.') }),
    requires: { nodes: UPSCALE_NODES, models: [UPSCALE_MODEL_REQUIREMENT] },
    outputNode: 'save',
    build: ({ image, outputPrefix }, { scale }) => {
        const { nodes, last } = upscaleNodes(image, scale);
        return {
            ...nodes,
            save: { class_type: 'SaveImage', inputs: { images: [last, 0], filename_prefix: outputPrefix } },
        };
    },
    outputSize: (size, { scale }) => scaled(size, scale),
    resultFields: ({ scale }) => ({ upscale_factor: `${scale}x` }),
});
//# sourceMappingURL=upscaleImage.js.map