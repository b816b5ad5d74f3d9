import { z } from 'zod';
/** `true` or `false` as a form field or query parameter; `false` when it is left out. */
export const booleanParameter = z
    .string()
    .toLowerCase()
    .pipe(z.enum(['true', 'false'], { error: 'takes true or false' }))
    .transform((value) => value === 'true')
    .default(false)
    .meta({ type: 'boolean' });
/** Enlargement: a number from 1 to 4, 4 when it is left out. */
export const scaleParameter = z
    .string()
    .regex(/^\d(\.\d+)?$/, 'takes a number from 1 to 4')
    .transform(Number)
    .refine((scale) => scale >= 1 && scale <= 4, 'takes a number from 1 to 4')
    .default(4)
    .meta({ type: 'number', minimum: 1, maximum: 4 });
const outputFormat = z.enum(['PNG', 'JPEG', 'WEBP'], { error: 'takes PNG, JPEG or WEBP' });
/** Format of the result, in any case; PNG when it is left out. */
export const formatParameter = z.string().toUpperCase().pipe(outputFormat).default('PNG');
//# sourceMappingURL=parameters.js.map