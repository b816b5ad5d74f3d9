import type { Request } from 'express';
import type { z } from 'zod';
import { type AppError, ERROR_STATUS, type ErrorCode } from '../../errors.js';
import type { comfyError } from '../../schemas/comfy.js';

/** Errors whose code in this API is not their code in lower case, or whose status differs. */
const OTHERS: Readonly<Partial<Record<ErrorCode, { readonly code: string; readonly status?: number }>>> = {
  INVALID_PARAMETER: { code: 'invalid_request' },
  MALFORMED_UPLOAD: { code: 'invalid_request' },
  NO_IMAGE: { code: 'invalid_request' },
  INPUT_UNREACHABLE: { code: 'missing_asset' },
  JOB_NOT_FOUND: { code: 'not_found' },
  ASSET_NOT_FOUND: { code: 'not_found' },
  RESULT_EXPIRED: { code: 'output_unavailable', status: 404 },
  IDEMPOTENCY_KEY_REUSED: { code: 'idempotency_key_reuse' },
  IDEMPOTENCY_IN_PROGRESS: { code: 'idempotency_conflict' },
  QUEUE_FULL: { code: 'queue_full', status: 429 },
  INTERNAL_ERROR: { code: 'upstream_error' },
};

/** Returns whether a request is for this API. Express ignores the case of paths. */
export function isComfyRequest({ path }: Pick<Request, 'path'>): boolean {
  return /^\/api\/v2(\/|$)/i.test(path);
}

/** Returns the status of an error in this API. */
export function comfyStatusOf(code: ErrorCode): number {
  return OTHERS[code]?.status ?? ERROR_STATUS[code];
}

/** Returns an error in the format of this API. */
export function comfyErrorBody({ code, message, details }: AppError): z.input<typeof comfyError> {
  const shown = detailsOf(details);
  return {
    error: {
      code: comfyCodeOf(code),
      message,
      ...(shown && { details: shown }),
    },
  };
}

/** Returns the code of an error in this API. */
export function comfyCodeOf(code: ErrorCode): string {
  return OTHERS[code]?.code ?? code.toLowerCase();
}

/** Lists the problems of nodes by node, as ComfyUI does. */
function detailsOf(details: AppError['details']): Record<string, unknown> | undefined {
  if (typeof details === 'string') return { hint: details };
  const nodes: unknown = details?.['nodes'];
  if (!details || !Array.isArray(nodes)) return details;
  const { nodes: _nodes, ...others } = details;
  const node_errors = new Map<string, object[]>();
  for (const { node_id, ...problem } of nodes as readonly { node_id: string }[]) {
    node_errors.set(node_id, [...(node_errors.get(node_id) ?? []), problem]);
  }
  return { ...others, node_errors: Object.fromEntries(node_errors) };
}
