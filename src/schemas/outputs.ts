import { z } from 'zod';
import { outputFormat } from './common.js';

const outputKind = z.enum(['image', 'video', 'audio', 'text', 'latent', 'file']);

/** Result of a job whose primary output is an image. */
export const imageResult = z.looseObject({
  image_base64: z.string().regex(/^data:image\//),
  prompt_id: z.string(),
  processing_time_seconds: z.number().nonnegative(),
  // Absent for an image in a format that nobody can ask for, such as GIF.
  format: outputFormat.optional(),
  // Absent where the file's size in pixels cannot be read.
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  size_bytes: z.int().positive(),
  upscale_factor: z.string().optional(),
});

/** Of a text. */
export const textResult = z.strictObject({ text: z.string() });

/** Of anything else: its bytes are under `url`. */
export const fileResult = z.strictObject({
  kind: outputKind,
  prompt_id: z.string(),
  processing_time_seconds: z.number().nonnegative(),
  mime_type: z.string(),
  size_bytes: z.int().nonnegative(),
  filename: z.string(),
  url: z.string(),
});

/** The result of a job, in a synchronous answer and under `/result`: its primary output. */
export const result = z.union([imageResult, textResult, fileResult]);

/** One thing that a job made. */
export const output = z.object({
  /** The workflow's name for it; several things that one node made have the same. */
  name: z.string(),
  node_id: z.string(),
  kind: outputKind,
  mime_type: z.string(),
  size_bytes: z.int().nonnegative(),
  width: z.int().positive().optional(),
  height: z.int().positive().optional(),
  /** Of an image that was cropped: where it lay in the whole one, and how large that was, in pixels. */
  crop: z
    .object({
      left: z.int().nonnegative(),
      top: z.int().nonnegative(),
      original_width: z.int().positive(),
      original_height: z.int().positive(),
    })
    .optional(),
  /** Of a text, unless it is long. */
  text: z.string().optional(),
  filename: z.string(),
  url: z.string(),
});

/** A text where JavaScript cannot hold the number. */
export const seed = z.union([z.int(), z.string().regex(/^-?\d+$/)]);

/** What is told of outputs wherever a result is. */
export const outputFields = z.object({
  /** In the workflow's order; the first one is the primary output. */
  outputs: z.array(output).min(1),
  /** Where it was chosen at random. */
  seed: seed.optional(),
  /** By input, where several were chosen because no number lies in all their ranges. `seed` is the first one then. */
  seeds: z.record(z.string(), seed).optional(),
});
