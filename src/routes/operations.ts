import { z } from 'zod';
import { asyncAnswer, syncAnswer } from '../schemas/jobs.js';
import { formatParameter } from '../workflows/parameters.js';
import type { Workflow } from '../workflows/types.js';
import { asyncParameters, webhookParameters } from './parameters.js';

/** One thing that a client can do, as documents describe it. */
export interface Operation {
  /** Name of the operation, and of its example. */
  readonly id: string;
  readonly method: 'get' | 'post' | 'delete';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** Parameters in the path, with what they are. */
  readonly pathParameters?: Readonly<Record<string, string>>;
  readonly query?: z.ZodObject;
  readonly form?: z.ZodObject;
  /** Headers that change what is done. */
  readonly headers?: z.ZodObject;
  /** JSON answers that are no errors, by status. */
  readonly answers: Readonly<Record<number, { readonly description: string; readonly schema: z.ZodType }>>;
  /** Whether a 200 may be an image, and whether it always is; or text for Prometheus, or a page. */
  readonly other?: { readonly types: readonly string[]; readonly description: string };
  /** Who may do it where there are keys: anybody, any key (when it is left out), or one of the scope admin. */
  readonly access?: 'open' | 'admin';
  /** Statuses that are answered with an error, beside those that come of keys and limits. */
  readonly errors: readonly number[];
}

/** Folders of the operations. */
export const TAGS = {
  processing: 'Image Processing',
  asynchronous: 'Async Processing',
  jobs: 'Job Management',
  health: 'Health & Status',
  metrics: 'Detailed Metrics',
  breakers: 'Circuit Breakers',
  documents: 'Documents',
} as const;

export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;

const imageFile = z
  .string()
  .meta({ format: 'binary', description: 'The image; its bytes decide what it is.' });
const repeatable = {
  'Idempotency-Key': z.string().max(255).optional().meta({
    description:
      'The same key with the same body is the same job for as long as it is kept, and no second one.',
  }),
};
const patient = {
  Prefer: z.string().optional().meta({
    description:
      'wait=N: where it answers 202, wait up to N seconds, and answer 200 with the result if it is done.',
  }),
};
const format = formatParameter.meta({
  description:
    'Format of the result: PNG, JPEG or WEBP. Left out: the image type that Accept names, else PNG.',
});

/** Both routes of each workflow. */
export function processingOperations(workflows: readonly Workflow[]): Operation[] {
  return workflows.flatMap((workflow) => {
    const form = z.object({ imageFile, format, ...workflow.parameters.shape, ...webhookParameters.shape });
    return [
      {
        id: `process_${workflow.type}`,
        method: 'post',
        path: `/api/${workflow.type}`,
        tag: TAGS.processing,
        summary: `${workflow.title}. ${workflow.description}`,
        form: form.extend(asyncParameters.shape),
        headers: z.object({ ...repeatable, ...patient }),
        answers: {
          200: { description: 'The result.', schema: syncAnswer },
          202: { description: 'Accepted: with async=true.', schema: asyncAnswer },
        },
        other: { types: IMAGE_TYPES, description: 'The image itself, with Accept: image/*.' },
        errors: [400, 406, 408, 409, 413, 415, 422, 500, 502, 503, 504],
      },
      {
        id: `submit_${workflow.type}`,
        method: 'post',
        path: `/api/async/${workflow.type}`,
        tag: TAGS.asynchronous,
        summary: `${workflow.title}: answers at once, the result is fetched later.`,
        form,
        headers: z.object({ ...repeatable, ...patient }),
        answers: {
          200: { description: 'The result: with Prefer: wait=N.', schema: syncAnswer },
          202: { description: 'Accepted.', schema: asyncAnswer },
        },
        other: { types: IMAGE_TYPES, description: 'The image itself, with Accept: image/*.' },
        errors: [400, 406, 408, 410, 413, 415, 422, 500, 503],
      },
    ] satisfies Operation[];
  });
}
