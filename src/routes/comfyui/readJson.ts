import type { Request, Response } from 'express';
import { tooLarge } from '../../middleware/bodyErrors.js';
import { parseJsonBody, unreadableJson } from '../../middleware/parseJsonBody.js';
import { type BodyLimits, receiveBody } from '../../middleware/receiveBody.js';
import { WholeBody } from '../../middleware/WholeBody.js';
import { isJsonObject, type Json } from '../../utils/losslessJson.js';

/** A graph lies deeper than other bodies. */
const MAX_DEPTH = 64;

/**
 * The object that a request carries; an empty one for no body at all. As ComfyUI, whatever type the body says that it has.
 * @throws AppError `MALFORMED_UPLOAD`, where ComfyUI would answer 500, and what `receiveBody` throws
 */
export async function readJson(
  request: Request,
  response: Response,
  limits: BodyLimits,
): Promise<ReadonlyMap<string, Json>> {
  const body = new WholeBody(limits.maxBytes, () => tooLarge(limits.maxBytes));
  try {
    const { value: bytes } = await receiveBody(request, response, limits, () => body.read(request));
    if (bytes.length === 0) return new Map();
    const json = parseJsonBody(bytes, MAX_DEPTH);
    if (isJsonObject(json)) return json;
  } finally {
    body.discard();
  }
  throw unreadableJson('it is no object');
}

/** The texts of a list; none where there is no list. */
export function textsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((one: Json) => typeof one === 'string') : [];
}

/** A text that is there and not empty. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
