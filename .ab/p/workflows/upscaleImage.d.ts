import { z } from 'zod';
/** Enlarges an image up to four times with NMKD-Siax. */
export declare const upscaleImage: import("./types.js").Workflow<z.ZodObject<z.core.$ZodLooseShape, z.core.$strip>>;
