import type { Request, Response } from 'express';
import { AppError } from '../../errors.js';
import { parseJsonBody, unreadableJson } from '../../middleware/parseJsonBody.js';
import type { BodyLimits } from '../../middleware/receiveBody.js';
import { receiveBytes } from '../../middleware/receiveJson.js';
import { isJsonObject, type Json, NumberText } from '../../utils/losslessJson.js';
import { parseMachineJsonLosslessly } from '../../utils/machineJson.js';
import { GRAPH_BODY_LIMITS } from '../../workflows/files/readGraph.js';

/**
 * Reads the object in a request body, or an empty one without a body. As in ComfyUI, the content type is ignored, and
 * `NaN` and `Infinity` are accepted.
 * @throws AppError `MALFORMED_UPLOAD`, where ComfyUI would respond with 500, and the errors of `receiveBytes`
 */
export async function readJson(
  request: Request,
  response: Response,
  limits: BodyLimits,
): Promise<ReadonlyMap<string, Json>> {
  const bytes = await receiveBytes(request, response, limits);
  if (bytes.length === 0) return new Map();
  const json = parseJsonBody(bytes, GRAPH_BODY_LIMITS, parseMachineJsonLosslessly);
  if (isJsonObject(json)) return json;
  throw unreadableJson('it is no object');
}

/** Like `readJson`, but text that is not JSON counts as an empty object. ComfyUI reads the body of `/interrupt` like this. */
export async function readJsonIfValid(
  request: Request,
  response: Response,
  limits: BodyLimits,
): Promise<ReadonlyMap<string, Json>> {
  try {
    return await readJson(request, response, limits);
  } catch (error) {
    if (error instanceof AppError && error.cause instanceof SyntaxError) return new Map();
    throw error;
  }
}

/** Whether ComfyUI takes a value for true: it uses the rules of Python, where `1` is true and `0`, `""` and `[]` are not. */
export function isTruthy(value: Json | undefined): boolean {
  if (isJsonObject(value)) return value.size > 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof NumberText) return Number(value.text) !== 0;
  return Boolean(value);
}

/** Returns the texts in a list; none if the value is not a list. */
export function textsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((one: Json) => typeof one === 'string') : [];
}

/** Returns a text that is not empty. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
