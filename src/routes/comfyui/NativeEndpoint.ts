import type { Response } from 'express';
import type { Config } from '../../config/index.js';
import { callerOf, mayUse, ownerOf } from '../../middleware/authentication.js';
import type { BodyLimits } from '../../middleware/receiveBody.js';
import type { Services } from '../../services/index.js';
import type { NativeApi } from '../../services/native/NativeApi.js';
import { stringifyJson, type WritableJson } from '../../utils/losslessJson.js';
import { bodyLimits } from '../bodyLimits.js';
import type { MountedEndpoint } from '../mount.js';
import type { ResultSender } from '../sendResult.js';
import type { Upgrades } from './Upgrades.js';

/** Shared by the handlers of ComfyUI's own API. */
export interface NativeContext {
  readonly native: NativeApi;
  readonly services: Services;
  readonly config: Config;
  readonly upgrades: Upgrades;
  readonly sender: ResultSender;
}

/** An endpoint of ComfyUI's own API. The paths are ComfyUI's; each also exists under `/api`. */
export type NativeEndpoint = MountedEndpoint<NativeContext>;

/** Declares an endpoint that accepts any key, or everyone without keys. */
export function endpoint(
  method: NativeEndpoint['method'],
  path: string,
  handler: NativeEndpoint['handler'],
): NativeEndpoint {
  return { method, path, access: 'key', handler };
}

/** Sends JSON in ComfyUI's format, with every digit of numbers. */
export function sendJson(response: Response, value: WritableJson, status = 200): void {
  response.status(status).type('application/json').send(stringifyJson(value));
}

/** Sends an empty success response, as ComfyUI does. */
export function sendDone(response: Response): void {
  response.status(200).end();
}

/** Returns whether the caller may access what belongs to an owner. */
export function mayUseOf(response: Response): (owner: string | undefined) => boolean {
  return (owner) => mayUse(callerOf(response), owner);
}

export { ownerOf };

/** Size of a prompt without the files in it, bytes. */
const PROMPT_BYTES = 8 * 1024 * 1024;
/** Maximum number of base64 files in a prompt. */
const MAX_INSIDE = 8;

/** Returns the body limits for a prompt, or for a body without files. */
export function promptLimits(context: NativeContext, files = MAX_INSIDE): BodyLimits {
  const { maxFileBytes } = context.config.uploads;
  return bodyLimits(context, PROMPT_BYTES + files * Math.ceil((maxFileBytes * 4) / 3));
}
