import { z } from 'zod';

/** `GET /api/session`. */
export const sessionAnswer = z.object({
  needs_key: z.boolean().meta({ description: 'Whether the server has API keys.' }),
  access: z.enum(['none', 'submit', 'admin']).meta({
    description: 'Scope of the caller. Without API keys, every caller has the scope admin.',
  }),
  key_name: z.string().nullable().meta({ description: 'Name of the API key of the request.' }),
  limits: z.object({
    max_file_bytes: z.int().positive(),
    max_image_pixels: z.int().positive().meta({ description: 'Width x height of an image.' }),
    image_types: z.array(z.string()).meta({ description: 'Media types that images may have.' }),
  }),
  results_kept_seconds: z.number().nonnegative().meta({
    description: 'How long a finished job and its results are kept.',
  }),
});
