import { Document, isCollection, isMap, parse } from 'yaml';
import type { Manifest } from './manifest.js';
import { manifestDocument } from './manifestDocument.js';
import { parseManifest } from './parseManifest.js';
import { invalidWorkflow } from './workflowError.js';

/** Maximum characters of a manifest. */
export const MAX_MANIFEST_LENGTH = 1024 * 1024;
/** Maximum YAML aliases: a list that is used many times can make a small file very large. */
const MAX_ALIASES = 50;

/**
 * Parses a YAML manifest.
 * @throws AppError `INVALID_WORKFLOW`, with details by place
 */
export function readManifest(text: string): Manifest {
  if (text.length > MAX_MANIFEST_LENGTH)
    throw invalidWorkflow(`The manifest has more than ${MAX_MANIFEST_LENGTH} characters.`);
  return parseManifest(readYaml(text));
}

function readYaml(text: string): unknown {
  try {
    return withNumbers(parse(text, { intAsBigInt: true, maxAliasCount: MAX_ALIASES, logLevel: 'error' }));
  } catch (error) {
    // The parser throws a RangeError for very deep nesting.
    const [line = ''] = error instanceof Error ? error.message.split('\n') : [];
    throw invalidWorkflow(`The manifest is not valid YAML. ${line.replace(/:$/, '')}.`);
  }
}

/** Bigints only for numbers that would lose digits. */
function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withNumbers(item)]));
}

/** The manifest as YAML, with one line for each input and output. */
export function writeManifest(manifest: Manifest): string {
  const document = new Document(manifestDocument(manifest));
  for (const part of ['inputs', 'outputs']) {
    const named = document.get(part);
    if (!isMap(named)) continue;
    for (const { value } of named.items) if (isCollection(value)) value.flow = true;
  }
  return document.toString({ lineWidth: 0 });
}
