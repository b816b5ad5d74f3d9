import type { SubmitOptions } from './options.js';

/** A file for an input: its bytes, its URL, or an asset on the server. */
export type FileValue = Blob | Uint8Array | URL | { readonly asset_id: string };

/**
 * The inputs of a workflow by name. A string can also be the URL of a file. Integers beyond 2^53 are bigints. Null
 * and undefined values are omitted.
 */
export type Inputs = Readonly<
  Record<string, FileValue | string | number | bigint | boolean | null | undefined>
>;

/** Bytes per encoding step: a multiple of three, and few enough for the arguments of one call. */
const SLICE_BYTES = 24_576;

/**
 * The request for a submission. Files as bytes are sent as a form; everything else is JSON. If a string may be the
 * URL of a file, the body is JSON with the bytes in data URIs: only the server knows which inputs take files.
 * @param input the inputs by name, or the file for a workflow that takes one image
 */
export async function submissionRequest(
  input: Blob | Uint8Array | Inputs,
  options: SubmitOptions,
): Promise<RequestInit> {
  const { parameters, filename, idempotencyKey, signal } = options;
  const inputs = isBytes(input) ? { imageFile: namedFile(input, filename) } : input;
  const all = Object.entries<Inputs[string]>({ ...parameters, ...inputs });
  const given = all.filter(([, value]) => value !== null && value !== undefined);
  const fields = fieldsOf(options);
  const isForm = given.some(([, value]) => isBytes(value)) && !given.some(([, value]) => mayBeAddress(value));
  return {
    method: 'POST',
    body: isForm ? formOf(given, fields) : await jsonBodyOf(given, fields),
    headers: {
      // Otherwise the response could be the bytes of the first output.
      Accept: 'application/json',
      ...(isForm ? {} : { 'Content-Type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
    },
    signal: signal ?? null,
  };
}

/** Whether a value is the content of a file. */
function isBytes(value: unknown): value is Blob | Uint8Array {
  return value instanceof Blob || value instanceof Uint8Array;
}

/** The bytes as a blob. A copy, because they may be a view of something larger, or shared. */
function blobOf(bytes: Blob | Uint8Array): Blob {
  return bytes instanceof Blob ? bytes : new Blob([new Uint8Array(bytes)]);
}

/** A single file, with a name. */
function namedFile(bytes: Blob | Uint8Array, filename: string | undefined): Blob {
  const blob = blobOf(bytes);
  return new File([blob], filename ?? nameOf(bytes) ?? 'image', { type: blob.type });
}

/** Parameters besides the workflow's own inputs. */
function fieldsOf({ format, webhook }: SubmitOptions): Record<string, string> {
  return {
    ...(format ? { format } : {}),
    ...(webhook ? { webhook_url: webhook.url } : {}),
    ...(webhook?.events ? { webhook_events: webhook.events.join(',') } : {}),
    ...(webhook?.withImage ? { webhook_image: 'true' } : {}),
  };
}

type Given = ReadonlyArray<readonly [name: string, value: Inputs[string]]>;

async function jsonBodyOf(given: Given, fields: Readonly<Record<string, string>>): Promise<string> {
  const inputs = await Promise.all(given.map(async ([name, value]) => [name, await jsonOf(value)]));
  return JSON.stringify({ inputs: Object.fromEntries(inputs), ...fields });
}

function formOf(given: Given, fields: Readonly<Record<string, string>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  for (const [name, value] of given) {
    if (isBytes(value)) form.set(name, blobOf(value), nameOf(value) ?? name);
    else form.set(name, String(value));
  }
  return form;
}

/** The file's own name. */
function nameOf(value: Blob | Uint8Array): string | undefined {
  return 'name' in value && typeof value.name === 'string' ? value.name : undefined;
}

function mayBeAddress(value: Inputs[string]): boolean {
  if (typeof value === 'string') return /^(https?:\/\/|data:)/i.test(value);
  return typeof value === 'object' && value !== null && !isBytes(value);
}

async function jsonOf(value: Inputs[string]): Promise<unknown> {
  if (isBytes(value)) return dataUri(blobOf(value));
  // JSON.stringify does not support bigints: the server accepts their digits.
  return typeof value === 'bigint' ? String(value) : value;
}

async function dataUri(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + SLICE_BYTES))));
  }
  return `data:${blob.type || 'application/octet-stream'};base64,${parts.join('')}`;
}
