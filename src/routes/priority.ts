import type { Response } from 'express';
import type { Config } from '../config/index.js';
import { callerOf, isAdmin } from '../middleware/authentication.js';

/** The highest priority that there is. The lowest one is as far below 0. */
export const HIGHEST_PRIORITY = 10;

/** The highest priority that the caller of the request that `response` answers may have. */
export function highestPriority(response: Response, { jobs }: Pick<Config, 'jobs'>): number {
  return isAdmin(callerOf(response)) ? HIGHEST_PRIORITY : jobs.maxPriority;
}
