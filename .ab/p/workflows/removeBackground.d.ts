import { z } from 'zod';
/** Cuts the subject out of its background with InspyrenetRembg. */
export declare const removeBackground: import("./types.js").Workflow<z.ZodObject<z.core.$ZodLooseShape, z.core.$strip>>;
