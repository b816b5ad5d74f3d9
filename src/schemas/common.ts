import { z } from 'zod';
import { ERROR_STATUS, type ErrorCode } from '../errors.js';
import { JOB_STATUSES } from './jobStatus.js';

/** ISO-8601 in UTC. */
export const isoTime = z.iso.datetime();

export const jobStatus = z.enum(JOB_STATUSES);

export const outputFormat = z.enum(['PNG', 'JPEG', 'WEBP']);

export const errorCode = z.enum(Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]]);

/** Every error response. */
export const errorAnswer = z.looseObject({
  error: z.string(),
  code: errorCode,
  details: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  requestId: z.string(),
  timestamp: isoTime,
  job_id: z.string().optional(),
  status_url: z.string().optional(),
});

/** As far as this server looks into one. */
export const openApiDocument = z.looseObject({ openapi: z.string() });
