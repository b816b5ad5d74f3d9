import { z } from 'zod';
import { outputFormat } from './common.js';

const outputKind = z.enum(['image', 'video', 'audio', 'text', 'latent', 'file']);

/** Result of a job whose primary output is an image. */
export const imageResult = z.looseObject({
  image_base64: z.string().regex(/^data:image\//),
  prompt_id: z.string(),
  processing_time_seconds: z.number().nonnegative(),
  // Absent for a format that clients cannot request, such as GIF.
  format: outputFormat.optional(),
  // Absent if the dimensions cannot be read.
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  size_bytes: z.int().positive(),
  upscale_factor: z.string().optional(),
});

/** Result of a job whose primary output is text. */
const textResult = z.strictObject({ text: z.string() });

/** Result of a job with any other primary output; `url` has its bytes. */
const fileResult = z.strictObject({
  kind: outputKind,
  prompt_id: z.string(),
  processing_time_seconds: z.number().nonnegative(),
  mime_type: z.string(),
  size_bytes: z.int().nonnegative(),
  filename: z.string(),
  url: z.string(),
});

/** The result of a job, in a synchronous response and under `/result`: its primary output. */
export const result = z.union([imageResult, textResult, fileResult]);

/** One output of a job. */
const output = z.object({
  /** The workflow's name of the output; several files of one node share it. */
  name: z.string(),
  node_id: z.string(),
  kind: outputKind,
  mime_type: z.string(),
  size_bytes: z.int().nonnegative(),
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  /** The text, unless it is long. */
  text: z.string().optional(),
  filename: z.string(),
  url: z.string(),
});

/** A string if JavaScript cannot represent the number. */
const seed = z.union([z.int(), z.string().regex(/^-?\d+$/)]);

/** Fields about the outputs, wherever a result is returned. */
export const outputFields = z.object({
  /** In the workflow's order; the first one is the primary output. */
  outputs: z.array(output).min(1),
  /** The seed, if it was chosen at random. */
  seed: seed.optional(),
  /** Seeds by input, if several were chosen because their ranges do not overlap. `seed` is then the first one. */
  seeds: z.record(z.string(), seed).optional(),
});
