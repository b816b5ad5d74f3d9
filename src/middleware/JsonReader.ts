import type { Request } from 'express';
import { AppError } from '../errors.js';
import { invalidParameter } from '../schemas/parse.js';
import { fileInputNamed } from '../services/submissions/fileInputs.js';
import type { FileReference } from '../services/submissions/Submission.js';
import { isJsonObject, type Json, NumberText, plainJson } from '../utils/losslessJson.js';
import { wholeDigits } from '../utils/numerals.js';
import type { FileInput } from '../workflows/types.js';
import type { BodyReader, ReceivedBody } from './BodyReader.js';
import { bodyTooLarge } from './bodyErrors.js';
import { parseJsonBody, unreadableJson } from './parseJsonBody.js';
import { WholeBody } from './WholeBody.js';

/** Everything in the body besides files. */
const OVERHEAD_BYTES = 1024 * 1024;
const LIMITS = { maxDepth: 16, maxValues: 10_000 };
/** Longer URLs are rejected. */
const MAX_URL_LENGTH = 8192;
const MAX_ID_LENGTH = 256;

const FILE_REFERENCE = 'must be an http, https or data URL, or {"asset_id": "…"}';

/**
 * A JSON body: `{ "inputs": { name: value }, name: value, … }`. Files are in `inputs`, as a URL, a data URI or an
 * asset. Parameters are in `inputs` or next to it, as JSON values or as text.
 */
export class JsonReader implements BodyReader {
  readonly maxBytes: number;
  readonly maxHeldBytes: number;
  readonly #inputs: readonly FileInput[];
  readonly #body: WholeBody;

  constructor(inputs: readonly FileInput[], maxFileBytes: number) {
    this.#inputs = inputs;
    // Base64 has four bytes for three.
    this.maxHeldBytes = inputs.length * Math.ceil((maxFileBytes * 4) / 3);
    this.maxBytes = this.maxHeldBytes + OVERHEAD_BYTES;
    this.#body = new WholeBody(this.maxBytes, () => bodyTooLarge(this.maxBytes));
  }

  async read(request: Request): Promise<ReceivedBody> {
    const bytes = await this.#body.read(request);
    if (bytes.length === 0) return { files: new Map(), values: {} };
    const { files, parameters } = this.#inputsOf(objectOf(bytes));
    return { files, values: Object.fromEntries(parameters) };
  }

  discard(): void {
    this.#body.discard();
  }

  #inputsOf(body: ReadonlyMap<string, Json>): {
    files: ReadonlyMap<string, FileReference>;
    parameters: ReadonlyMap<string, unknown>;
  } {
    const inputs = body.get('inputs') ?? new Map<string, Json>();
    if (!isJsonObject(inputs)) throw invalidParameter('inputs', 'must be an object with the values by name');
    const files = new Map<string, FileReference>();
    const parameters = new Map<string, unknown>();
    const add = (name: string, value: Json) => {
      // Many programs write null for omitted values.
      if (value !== null) parameters.set(name, parameterOf(value));
    };
    for (const [name, value] of body) if (name !== 'inputs') add(name, value);
    for (const [name, value] of inputs) {
      const input = fileInputNamed(this.#inputs, name);
      if (!input) add(name, value);
      else if (value !== null) {
        if (files.has(input.name)) throw new AppError('TOO_MANY_FILES', 'Send one file for each input.');
        files.set(input.name, referenceOf(name, value));
      }
    }
    return { files, parameters };
  }
}

function objectOf(bytes: Buffer): ReadonlyMap<string, Json> {
  const body = parseJsonBody(bytes, LIMITS);
  if (isJsonObject(body)) return body;
  throw unreadableJson('it is not an object');
}

/**
 * Returns a value as the schemas of parameters expect it: numbers and booleans as text, as in a form, so that no digit
 * of a large number is lost.
 */
function parameterOf(value: Json): unknown {
  // Schemas of parameters know whole numbers only without an exponent.
  if (value instanceof NumberText) return wholeDigits(value.text) ?? value.text;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return plainJson(value);
}

function referenceOf(name: string, value: Json): FileReference {
  if (typeof value === 'string' && isAddress(value)) return { url: value };
  const assetId = isJsonObject(value) ? value.get('asset_id') : undefined;
  if (typeof assetId === 'string' && assetId.length > 0 && assetId.length <= MAX_ID_LENGTH)
    return { assetId };
  throw invalidParameter(name, FILE_REFERENCE);
}

function isAddress(text: string): boolean {
  return /^data:/i.test(text) || (/^https?:\/\//i.test(text) && text.length <= MAX_URL_LENGTH);
}
