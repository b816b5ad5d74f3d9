import { z } from 'zod';

/** `true` or `false` as a form field or query parameter; `false` if omitted. */
export const booleanParameter = z
  .string()
  .toLowerCase()
  .pipe(z.enum(['true', 'false'], { error: 'must be true or false' }))
  .transform((value) => value === 'true')
  .default(false)
  .meta({ type: 'boolean' });

/** Scale factor: a number from 1 to 4, 4 if omitted. */
export const scaleParameter = z
  .string()
  .regex(/^\d(\.\d+)?$/, 'must be a number from 1 to 4')
  .transform(Number)
  .refine((scale) => scale >= 1 && scale <= 4, 'must be a number from 1 to 4')
  .default(4)
  .meta({ type: 'number', minimum: 1, maximum: 4 });

const outputFormat = z.enum(['PNG', 'JPEG', 'WEBP'], { error: 'must be PNG, JPEG or WEBP' });

export type OutputFormat = z.output<typeof outputFormat>;

/** Format of the result, case-insensitive; PNG if omitted. */
export const formatParameter = z.string().toUpperCase().pipe(outputFormat).default('PNG');
