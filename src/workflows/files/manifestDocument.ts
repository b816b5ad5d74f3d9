import type { Manifest, ManifestInput } from './manifest.js';

/** The manifest as plain objects, with the keys of the file. */
export function manifestDocument(manifest: Manifest): Record<string, unknown> {
  const { title, description, estimateSeconds, labels, inputs, outputs } = manifest;
  return defined({
    title,
    description,
    estimate_seconds: estimateSeconds,
    labels,
    inputs: Object.fromEntries([...inputs].map(([name, input]) => [name, inputDocument(input)])),
    outputs: Object.fromEntries([...outputs].map(([name, { node }]) => [name, { node }])),
  });
}

function inputDocument({ targets, maxLength, ...rest }: ManifestInput): Record<string, unknown> {
  const [first] = targets;
  const where = targets.length === 1 ? { node: first?.node, field: first?.field } : { targets };
  return defined({ ...where, ...rest, max_length: maxLength });
}

function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
