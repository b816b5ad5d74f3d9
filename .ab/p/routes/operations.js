import { z } from 'zod';
import { asyncAnswer, syncAnswer } from '../schemas/jobs.js';
import { formatParameter } from '../workflows/parameters.js';
import { asyncParameters, webhookParameters } from './parameters.js';
/** Folders of the operations. */
export const TAGS = {
    processing: 'Image Processing',
    asynchronous: 'Async Processing',
    jobs: 'Job Management',
    health: 'Health & Status',
    metrics: 'Detailed Metrics',
    breakers: 'Circuit Breakers',
    documents: 'Documents',
};
export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'];
const imageFile = z
    .string()
    .meta({ format: 'binary', description: 'The image; its bytes decide what it is.' });
const repeatable = {
    'Idempotency-Key': z.string().max(255).optional().meta({
        description: 'The same key with the same body is the same job for as long as it is kept, and no second one.',
    }),
};
const patient = {
    Prefer: z.string().optional().meta({
        description: 'wait=N: where it answers 202, wait up to N seconds, and answer 200 with the result if it is done.',
    }),
};
const format = formatParameter.meta({ description: 'Format of the result: PNG (default), JPEG or WEBP.' });
/** Both routes of each workflow. */
export function processingOperations(workflows) {
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
                errors: [400, 408, 409, 413, 415, 422, 500, 502, 503, 504],
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
                errors: [400, 408, 410, 413, 415, 422, 500, 503],
            },
        ];
    });
}
//# sourceMappingURL=operations.js.map