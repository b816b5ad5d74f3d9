import type { RequestHandler } from 'express';
import { z } from 'zod';
import { receiveUpload } from '../../middleware/upload.js';
import { outputFormat } from '../../schemas/common.js';
import { anySyncAnswer, asyncAnswer, syncAnswer } from '../../schemas/jobs.js';
import type { Workflow } from '../../workflows/types.js';
import { uploadPace } from '../bodyLimits.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';
import { asyncParameters, schedulingParameters, webhookParameters } from '../parameters.js';
import { SubmissionRoutes } from '../SubmissionRoutes.js';
import { ANY_RESULT_TYPES, RESULT_TYPES } from '../sendResult.js';
import { submissionBodies } from '../submissionBodies.js';

const format = z.enum(outputFormat.options).optional().meta({
  description: 'Format of the result. Default: the image type in Accept, or PNG.',
});

// Generated types would require a field that has a default.
const priority = schedulingParameters.shape.priority.removeDefault().optional();

const submissionOptions = z
  .object({ format, ...webhookParameters.shape, ...schedulingParameters.shape, priority })
  .meta({ id: 'SubmissionOptions' });

const headers = z.object({
  'Idempotency-Key': z
    .string()
    .max(255)
    .optional()
    .meta({
      param: {
        id: 'IdempotencyKey',
        description:
          'A repeated request with the same key and the same body returns the same job instead of creating another one, as long as the job is kept.',
      },
    }),
  Prefer: z
    .string()
    .optional()
    .meta({
      param: {
        id: 'Prefer',
        description:
          'wait=N: wait up to N seconds for the result. The response is 200 with the result if it is ready by then, otherwise 202.',
      },
    }),
});

/** Returns both endpoints for jobs of a workflow: wait for the result, or fetch it later. */
export function submissionEndpoints(workflow: Workflow): readonly Endpoint[] {
  const { type, title, description } = workflow;
  const done = workflow.isBuiltIn ? syncAnswer : anySyncAnswer;
  const types = workflow.isBuiltIn ? RESULT_TYPES : ANY_RESULT_TYPES;
  const bytes = workflow.isBuiltIn
    ? 'With Accept: image/*, the image itself.'
    : 'With its type in Accept, such as image/*, the output itself.';
  return [
    {
      id: `process_${type}`,
      method: 'post',
      path: `/api/${type}`,
      tag: TAGS.processing,
      summary: `${title}. ${description}`,
      access: 'key',
      workflow,
      request: { headers, body: submissionBodies(workflow, submissionOptions, asyncParameters.shape) },
      responses: {
        200: {
          description: `The result. ${bytes}`,
          schema: done,
          types,
        },
        202: { description: 'Accepted, with async=true.', schema: asyncAnswer },
      },
      errors: [400, 406, 408, 409, 413, 415, 422, 502, 503, 504],
      handler: (context) => {
        const submission = new SubmissionRoutes(workflow, context);
        return [submission.checkBeforeUpload, uploadOf(workflow, context), submission.syncOrAsync];
      },
    },
    {
      id: `submit_${type}`,
      method: 'post',
      path: `/api/async/${type}`,
      tag: TAGS.asynchronous,
      summary: `${title}: responds immediately, fetch the result later.`,
      access: 'key',
      workflow,
      request: { headers, body: submissionBodies(workflow, submissionOptions) },
      responses: {
        200: {
          description: `The result, with Prefer: wait=N. ${bytes}`,
          schema: done,
          types,
        },
        202: { description: 'Accepted.', schema: asyncAnswer },
      },
      errors: [400, 406, 408, 410, 413, 415, 422, 503],
      handler: (context) => {
        const submission = new SubmissionRoutes(workflow, context);
        return [submission.checkBeforeUpload, uploadOf(workflow, context), submission.alwaysAsync];
      },
    },
  ];
}

function uploadOf(workflow: Workflow, { config, services }: RouteContext): RequestHandler {
  return receiveUpload(workflow, {
    maxFileBytes: config.uploads.maxFileBytes,
    pace: uploadPace(config),
    budget: services.uploadBudget,
    stream: services.stream,
  });
}
