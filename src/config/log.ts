import { z } from 'zod';
import { choice, type Values } from './fields.js';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export const logVariables = {
  LOG_LEVEL: choice(LEVELS)
    .default('info')
    .describe(`one of ${LEVELS.join(', ')}`)
    .meta({ meaning: '`error`, `warn`, `info` or `debug`.' }),
  LOG_DIR: z
    .string()
    .default('./data/logs')
    .describe('a folder, or nothing for the console only')
    .meta({ meaning: 'Folder for the rotating files `combined.log` and `error.log`. Empty: console only.' }),
};

export const logConfig = (env: Values<typeof logVariables>) => ({
  level: env.LOG_LEVEL,
  /** Empty for the console only. */
  directory: env.LOG_DIR,
});
