import { createHash } from 'node:crypto';
import { sizeOf } from '../../utils/StoredFile.js';
import type { WebhookTarget } from '../jobs/Job.js';
import type { FileSource } from './Submission.js';

interface Fingerprinted {
  readonly type: string;
  /** As parsed by the workflow's schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly format: string | undefined;
  readonly webhook: WebhookTarget | undefined;
  readonly files: ReadonlyMap<string, FileSource>;
  /** The graph of a client. */
  readonly definition?: string | undefined;
  readonly metadata?: string | undefined;
}

/**
 * Returns a hash of everything that determines the result of a job. A file by reference counts by its address, so that
 * nothing is fetched again. Whether a webhook contains the image does not count: servers of older versions would reject the same
 * request as another one.
 */
export function fingerprintOf(what: Fingerprinted): string {
  const { type, parameters, format, webhook, files, definition, metadata } = what;
  const hash = createHash('sha256');
  const named = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
  const described = named.map(([name, file]) =>
    'bytes' in file ? [name, sizeOf(file.bytes)] : [name, file],
  );
  hash.update(JSON.stringify([type, parameters, format ?? null, webhook?.url, webhook?.events, described]));
  if (definition !== undefined) hash.update(JSON.stringify([definition, metadata]));
  for (const [, file] of named) {
    // The key of a stored file is the hash of its bytes.
    if ('bytes' in file) hash.update(Buffer.isBuffer(file.bytes) ? file.bytes : file.bytes.key);
  }
  return hash.digest('base64');
}
