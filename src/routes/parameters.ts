import { z } from 'zod';
import { splitList } from '../utils/lists.js';
import { booleanParameter } from '../workflows/parameters.js';
import { HIGHEST_PRIORITY } from './priority.js';

/** Whether to wait for the result; for routes that support both. */
export const asyncParameters = z.object({
  async: booleanParameter.meta({ description: 'Respond immediately, fetch the result later.' }),
  mode: z
    .enum(['async', 'sync'], { error: 'must be async or sync' })
    .default('sync')
    .meta({ description: 'async is the same as async=true.' }),
});

const ENDS = ['completed', 'failed', 'cancelled'] as const;

/** Webhook parameters. */
export const webhookParameters = z.object({
  webhook_url: z.string().max(2048, 'must have at most 2048 characters').optional().meta({
    description: 'URL for a signed message when the job ends (Standard Webhooks).',
  }),
  // In JSON it can be a list.
  webhook_events: z
    .preprocess(
      (given) => (Array.isArray(given) ? given.join(',') : given),
      z
        .string()
        .transform(splitList)
        .pipe(z.array(z.enum(ENDS, { error: `must be a list of ${ENDS.join(', ')}` })).min(1)),
    )
    .default([...ENDS])
    .meta({
      description: `Events to send: a list of ${ENDS.join(', ')}. Default: all.`,
    }),
  webhook_image: booleanParameter.meta({ description: 'Include the image in the message, up to 256 KB.' }),
});

const PRIORITY = `must be a whole number from -${HIGHEST_PRIORITY} to ${HIGHEST_PRIORITY}`;
/** A week. */
const LONGEST_DEADLINE = 604_800;
const DEADLINE = `must be a number of seconds above 0 and at most ${LONGEST_DEADLINE}`;

/** Priority and deadline of a job. */
export const schedulingParameters = z.object({
  priority: z.coerce
    .number({ error: PRIORITY })
    .int(PRIORITY)
    .min(-HIGHEST_PRIORITY, PRIORITY)
    .max(HIGHEST_PRIORITY, PRIORITY)
    .meta({
      description: 'A higher priority runs first. Default 0; without an admin key, up to MAX_PRIORITY.',
    })
    .default(0),
  deadline_seconds: z.coerce
    .number({ error: DEADLINE })
    .positive(DEADLINE)
    .max(LONGEST_DEADLINE, DEADLINE)
    .optional()
    .meta({ description: 'Time in which the job must start; otherwise it fails with DEADLINE_EXCEEDED.' }),
});
