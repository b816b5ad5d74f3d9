import { z } from 'zod';
import { milliseconds, type Values } from './fields.js';

export const metricsVariables = {
  METRICS_FILE_PATH: z
    .string()
    .min(1)
    .default('./data/metrics/metrics.json')
    .describe('a file')
    .meta({ meaning: 'File that keeps the metrics across restarts.' }),
  METRICS_SAVE_INTERVAL: milliseconds(300_000, 0).meta({
    meaning: 'Milliseconds between two saves of the metrics. 0: only at shutdown and on request.',
  }),
};

export const metricsConfig = (env: Values<typeof metricsVariables>) => ({
  file: env.METRICS_FILE_PATH,
  /** 0: only on request and at shutdown. */
  intervalMs: env.METRICS_SAVE_INTERVAL,
});
