import type { Response } from 'express';
import type { Config } from '../config/index.js';
import { callerOf, isAdmin } from '../middleware/authentication.js';

/** The highest priority. The lowest is its negative. */
export const HIGHEST_PRIORITY = 10;

/** Returns the highest priority that the caller may use. */
export function highestPriority(response: Response, { jobs }: Pick<Config, 'jobs'>): number {
  return isAdmin(callerOf(response)) ? HIGHEST_PRIORITY : jobs.maxPriority;
}
