import { z } from 'zod';
/** Enlarges an image, then cuts its subject out. */
export declare const upscaleRemoveBackground: import("./types.js").Workflow<z.ZodObject<z.core.$ZodLooseShape, z.core.$strip>>;
