import type { Request } from 'express';
import type { z } from 'zod';
import { type AppError, ERROR_STATUS, type ErrorCode } from '../../errors.js';
import type { comfyError } from '../../schemas/comfy.js';

/** Where this API calls an error by another name than its code in lower case, or answers it with another status. */
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

/** Whether a request is for this API. Express takes paths in any case. */
export function isComfyRequest({ path }: Pick<Request, 'path'>): boolean {
  return /^\/api\/v2(\/|$)/i.test(path);
}

/** The statuses with which errors of this API are answered, by the code that they have here. */
export function comfyStatusOf(code: ErrorCode): number {
  return OTHERS[code]?.status ?? ERROR_STATUS[code];
}

/** An error in the form of this API. */
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

/** What this API calls an error. */
export function comfyCodeOf(code: ErrorCode): string {
  return OTHERS[code]?.code ?? code.toLowerCase();
}

/** Problems of nodes are told by node, as ComfyUI does. */
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
