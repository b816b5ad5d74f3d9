import { z } from 'zod';
/** `true` or `false` as a form field or query parameter; `false` when it is left out. */
export declare const booleanParameter: z.ZodDefault<z.ZodPipe<z.ZodPipe<z.ZodString, z.ZodEnum<{
    false: "false";
    true: "true";
}>>, z.ZodTransform<boolean, "false" | "true">>>;
/** Enlargement: a number from 1 to 4, 4 when it is left out. */
export declare const scaleParameter: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>>;
declare const outputFormat: z.ZodEnum<{
    PNG: "PNG";
    JPEG: "JPEG";
    WEBP: "WEBP";
}>;
export type OutputFormat = z.output<typeof outputFormat>;
/** Format of the result, in any case; PNG when it is left out. */
export declare const formatParameter: z.ZodDefault<z.ZodPipe<z.ZodString, z.ZodEnum<{
    PNG: "PNG";
    JPEG: "JPEG";
    WEBP: "WEBP";
}>>>;
export {};
