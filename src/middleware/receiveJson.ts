import type { Request, Response } from 'express';
import type { Json, JsonLimits } from '../utils/losslessJson.js';
import { bodyTooLarge } from './bodyErrors.js';
import { parseJsonBody, unreadableJson } from './parseJsonBody.js';
import { type BodyLimits, receiveBody } from './receiveBody.js';
import { WholeBody } from './WholeBody.js';

const JSON_TYPES = ['application/json', 'application/*+json'];

/**
 * Reads a JSON body without losing digits of its numbers.
 * @throws AppError `MALFORMED_UPLOAD`, also for other content types, and the errors of `receiveBody`
 */
export async function receiveJson(
  request: Request,
  response: Response,
  limits: BodyLimits,
  jsonLimits: Required<JsonLimits>,
): Promise<Json> {
  const type = request.is(JSON_TYPES);
  if (type === null) throw unreadableJson('there is none');
  if (type === false) throw unreadableJson('its Content-Type is not application/json');
  return parseJsonBody(await receiveBytes(request, response, limits), jsonLimits);
}

/**
 * Reads a whole body of any type. Its memory counts as that of an upload until the response is closed.
 * @throws AppError as `receiveBody`
 */
export async function receiveBytes(
  request: Request,
  response: Response,
  limits: BodyLimits,
): Promise<Buffer> {
  const whole = new WholeBody(limits.maxBytes, () => bodyTooLarge(limits.maxBytes));
  try {
    const { value } = await receiveBody(request, response, limits, (body) => whole.read(request, body));
    return value;
  } finally {
    whole.discard();
  }
}
