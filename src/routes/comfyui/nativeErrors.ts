import type { AppError } from '../../errors.js';

/** An error in the form that ComfyUI's clients know. */
export function errorBody(
  type: string,
  message: string,
  details = '',
  extra: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { error: { type, message, details, extra_info: extra }, node_errors: {} };
}

/** What a request to this port is answered with when it fails. */
export function nativeForm(error: AppError): { status: number; body: object } {
  const details = typeof error.details === 'string' ? error.details : '';
  const extra = typeof error.details === 'object' ? error.details : {};
  return { status: error.status, body: errorBody(error.code.toLowerCase(), error.message, details, extra) };
}
