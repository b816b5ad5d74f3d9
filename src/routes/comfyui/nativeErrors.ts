import type { AppError } from '../../errors.js';

/** Returns an error in ComfyUI's format. */
export function errorBody(
  type: string,
  message: string,
  details = '',
  extra: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { error: { type, message, details, extra_info: extra }, node_errors: {} };
}

/** Returns the error response for a request to this port. */
export function nativeForm(error: AppError): { status: number; body: object } {
  const details = typeof error.details === 'string' ? error.details : '';
  const extra = typeof error.details === 'object' ? error.details : {};
  return { status: error.status, body: errorBody(error.code.toLowerCase(), error.message, details, extra) };
}
