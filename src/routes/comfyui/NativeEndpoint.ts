import type { RequestHandler, Response } from 'express';
import type { Config } from '../../config/index.js';
import { callerOf, mayUse, ownerOf } from '../../middleware/authentication.js';
import type { BodyLimits } from '../../middleware/receiveBody.js';
import type { Services } from '../../services/index.js';
import type { NativeApi } from '../../services/native/NativeApi.js';
import { type Json, stringifyJson } from '../../utils/losslessJson.js';
import type { MountedEndpoint } from '../mount.js';
import type { Upgrades } from './Upgrades.js';

/** What the handlers of ComfyUI's own API share. */
export interface NativeContext {
  readonly native: NativeApi;
  readonly services: Services;
  readonly config: Config;
  readonly upgrades: Upgrades;
}

/** One thing that a client of ComfyUI can do. The paths are ComfyUI's; each is there under `/api` as well. */
export type NativeEndpoint = MountedEndpoint<NativeContext>;

/** A declaration for everybody who may use the port. */
export function endpoint(
  method: NativeEndpoint['method'],
  path: string,
  handler: (context: NativeContext) => RequestHandler,
): NativeEndpoint {
  return { method, path, access: 'key', handler };
}

/** Answers as ComfyUI does, with every digit of numbers. */
export function sendJson(response: Response, value: Json, status = 200): void {
  response.status(status).type('application/json').send(stringifyJson(value));
}

/** Answers that something was done, as ComfyUI does. */
export function sendDone(response: Response): void {
  response.status(200).end();
}

/** What belongs to whoever sent the request that `response` answers: of others nothing is told. */
export function mayUseOf(response: Response): (owner: string | undefined) => boolean {
  return (owner) => mayUse(callerOf(response), owner);
}

export { ownerOf };

/** Beside the files in it, bytes. */
const PROMPT_BYTES = 8 * 1024 * 1024;
/** Files that a prompt may have in it, as base64. */
const MAX_INSIDE = 8;

/** For a prompt, and for what has no files in it. */
export function bodyLimits({ services, config }: NativeContext, files = MAX_INSIDE): BodyLimits {
  const { maxFileBytes, timeoutMs, minBytesPerSecond } = config.uploads;
  return {
    maxBytes: PROMPT_BYTES + files * Math.ceil((maxFileBytes * 4) / 3),
    pace: { minBytesPerSecond, wholeMs: timeoutMs },
    budget: services.uploadBudget,
  };
}
