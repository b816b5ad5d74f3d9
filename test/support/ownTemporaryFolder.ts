import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PREFIX = 'comfyui-tests-';

/** Gives a test run its own temporary folder, which is deleted with all files of the tests and their processes. */
export default function ownTemporaryFolder(): () => void {
  // Each project of the configuration calls this.
  if (path.basename(tmpdir()).startsWith(PREFIX)) return () => undefined;
  const folder = mkdtempSync(path.join(tmpdir(), PREFIX));
  process.env['TMPDIR'] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
