import { z } from 'zod';
import { milliseconds, type Values } from './fields.js';

export const metricsVariables = {
  METRICS_FILE_PATH: z.string().min(1).default('./data/metrics/metrics.json').describe('a file'),
  METRICS_SAVE_INTERVAL: milliseconds(300_000, 0),
};

export const metricsConfig = (env: Values<typeof metricsVariables>) => ({
  file: env.METRICS_FILE_PATH,
  /** 0: only when asked, and at the end. */
  intervalMs: env.METRICS_SAVE_INTERVAL,
});
