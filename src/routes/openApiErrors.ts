import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import type { ZodOpenApiResponseObject } from 'zod-openapi';
import { ERROR_STATUS, type ErrorCode, isErrorCode } from '../errors.js';
import { comfyError } from '../schemas/comfy.js';
import { errorAnswer } from '../schemas/common.js';
import { examples } from '../schemas/examples.js';
import type { Endpoint } from './Endpoint.js';
import { comfyCodeOf, comfyStatusOf } from './v2/comfyErrors.js';

/**
 * Statuses of errors that any request can get, from keys, origins, limits, faults and outages. A 403 is possible without
 * keys, too: for a change from a page of another origin, and on loopback for an unknown host name.
 */
export const GENERAL_ERROR_STATUSES: readonly number[] = [401, 403, 414, 429, 500, 503];

/** Codes that any request can get, for statuses that also have codes of only a few operations. */
const GENERAL_CODES: ReadonlyMap<number, ErrorCode> = new Map([[503, 'QUEUE_UNAVAILABLE']]);

/** Format of the errors of one API. */
interface ErrorForm {
  readonly schema: z.ZodType;
  /** Prefix of the names of recorded errors. */
  readonly recorded: string;
  readonly statusOf: (code: ErrorCode) => number;
  readonly nameOf: (code: ErrorCode) => string;
}

const OWN_FORM: ErrorForm = {
  schema: errorAnswer,
  recorded: 'error',
  statusOf: (code) => ERROR_STATUS[code],
  nameOf: (code) => code,
};

const COMFY_FORM: ErrorForm = {
  schema: comfyError,
  recorded: 'comfy_error',
  statusOf: comfyStatusOf,
  nameOf: comfyCodeOf,
};

/** Error responses of one API. All endpoints share them, so the document contains each once. */
export interface ErrorResponses {
  /** Errors that any request can get. */
  readonly general: ZodOpenApiResponseObject;
  readonly byStatus: ReadonlyMap<number, ZodOpenApiResponseObject>;
}

/** Returns the error responses of the API that an endpoint belongs to. */
export function errorResponsesOf({ form }: Pick<Endpoint, 'form'>): ErrorResponses {
  return form === 'comfy' ? COMFY_RESPONSES : OWN_RESPONSES;
}

const OWN_RESPONSES = errorResponses(OWN_FORM);
const COMFY_RESPONSES = errorResponses(COMFY_FORM);

function errorResponses({ schema, recorded, statusOf, nameOf }: ErrorForm): ErrorResponses {
  const namesByStatus = new Map<number, Set<string>>();
  for (const code of Object.keys(ERROR_STATUS).filter(isErrorCode)) {
    const status = statusOf(code);
    namesByStatus.set(status, (namesByStatus.get(status) ?? new Set()).add(nameOf(code)));
  }
  const namesOf = (status: number) => [...(namesByStatus.get(status) ?? [])].join(', ');
  const general = GENERAL_ERROR_STATUSES.map((status) => {
    const code = GENERAL_CODES.get(status);
    return `${status} ${code ? nameOf(code) : namesOf(status)}`;
  }).join('; ');
  const byStatus = [...namesByStatus.keys()].map((status): [number, ZodOpenApiResponseObject] => {
    const example = examples[`${recorded}_${status}`];
    const content = { 'application/json': { schema, ...(example === undefined ? {} : { example }) } };
    const id = String(STATUS_CODES[status]).replace(/\W/g, '');
    return [status, { id, description: `${namesOf(status)}.`, content }];
  });
  return {
    general: {
      id: 'GeneralError',
      description: `Any request can get: ${general}.`,
      content: { 'application/json': { schema } },
    },
    byStatus: new Map(byStatus),
  };
}
