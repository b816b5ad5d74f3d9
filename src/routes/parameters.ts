import { z } from 'zod';
import { booleanParameter } from '../workflows/parameters.js';

/** Whether to wait for the result; known to the routes that can do either. */
export const asyncParameters = z.object({
  async: booleanParameter.meta({ description: 'Answer at once, fetch the result later.' }),
  mode: z
    .enum(['async', 'sync'], { error: 'takes async or sync' })
    .default('sync')
    .meta({ description: 'async is the same as async=true.' }),
});
