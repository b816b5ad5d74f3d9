/** The query of `GET /api/jobs`, with ComfyUI's rules for what is valid. */
import type { Request } from 'express';
import { JOB_STATUSES, type NativeJobStatus } from '../../services/native/jobForm.js';

interface JobQuery {
  readonly statuses: ReadonlySet<NativeJobStatus>;
  /** Only jobs of this workflow of ComfyUI's page. */
  readonly workflowId: string | undefined;
  readonly sortBy: (typeof SORTS)[number];
  readonly isAscending: boolean;
  /** All if undefined. */
  readonly limit: number | undefined;
  readonly offset: number;
}

/** Why a query is not valid. */
interface Invalid {
  readonly error: string;
}

const SORTS = ['created_at', 'execution_duration'] as const;
const ORDERS = ['asc', 'desc'] as const;

/** A whole number as Python reads it from text, with at most 15 digits. */
const WHOLE = /^\s*[+-]?\d(_?\d){0,14}\s*$/;

/** Reads the query. */
export function jobQueryOf({ query }: Request): JobQuery | Invalid {
  const text = (name: string): string | undefined => {
    const value = query[name];
    // Of a name that is there several times, the first one counts.
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return typeof first === 'string' ? first : undefined;
  };
  const statuses = statusesOf(text('status') ?? '');
  if (!statuses) return { error: `status must be a list of these: ${JOB_STATUSES.join(', ')}` };
  const sortBy = oneOf(SORTS, text('sort_by') ?? 'created_at');
  if (!sortBy) return { error: `sort_by must be one of these: ${SORTS.join(', ')}` };
  const order = oneOf(ORDERS, text('sort_order') ?? 'desc');
  if (!order) return { error: `sort_order must be one of these: ${ORDERS.join(', ')}` };
  const limit = wholeNumber(text('limit'));
  if (limit !== undefined && !(limit > 0)) return { error: 'limit must be a whole number above 0' };
  const offset = wholeNumber(text('offset')) ?? 0;
  if (Number.isNaN(offset)) return { error: 'offset must be a whole number' };
  const workflowId = text('workflow_id') || undefined;
  return { statuses, workflowId, sortBy, isAscending: order === 'asc', limit, offset: Math.max(0, offset) };
}

/** Returns all statuses for an empty text, and undefined if one is unknown. */
function statusesOf(text: string): ReadonlySet<NativeJobStatus> | undefined {
  if (text === '') return new Set(JOB_STATUSES);
  const names = text.split(',').flatMap((name) => name.trim().toLowerCase() || []);
  const known = names.flatMap((name) => oneOf(JOB_STATUSES, name) ?? []);
  return known.length === names.length ? new Set(known) : undefined;
}

function oneOf<T extends string>(all: readonly T[], text: string): T | undefined {
  return all.find((one) => one === text.toLowerCase());
}

/** `NaN` for a text that is no whole number. */
function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return WHOLE.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
}
