import { z } from 'zod';
import { outputFormat } from './common.js';
/** `GET /api/workflows`. */
export const workflowsAnswer = z.object({
    workflows: z.array(z.object({
        type: z.string(),
        title: z.string(),
        description: z.string(),
        url: z.string(),
        async_url: z.string(),
        /** Of a typical job: measured, and as declared until enough were. */
        estimated_seconds: z.number().nonnegative(),
        formats: z.array(outputFormat),
        /** JSON Schema of the workflow's own parameters, as form fields or query. */
        parameters: z.looseObject({ type: z.literal('object') }),
        requires: z.object({
            nodes: z.array(z.string()),
            models: z.array(z.object({ node: z.string(), input: z.string(), model: z.string() })),
        }),
        instances: z.array(z.object({ host: z.string(), can_run: z.boolean(), missing: z.array(z.string()) })),
    })),
});
//# sourceMappingURL=workflows.js.map