import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { silentLogger } from '../../src/utils/logger.js';
import { folderWrite } from '../../src/workflows/files/folderWrite.js';
import { invertGraph } from '../support/comfyApi.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';

let stack: Stack | undefined;
afterEach(() => stack?.stop());

it('a workflow that cannot be written is refused with the reason, and the log says why', async () => {
  // No user can create a folder below a file, not even root.
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'unwritable-')), 'file');
  await writeFile(file, '');
  const logger = new RecordingLogger();
  stack = await Stack.start({ env: { WORKFLOWS_DIR: path.join(file, 'workflows') }, logger });
  const response = await stack.client.request('/api/workflows/mine', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ graph: invertGraph() }),
  });
  expect(response.status).toBe(403);
  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({
    code: 'FORBIDDEN',
    error: expect.stringContaining('WORKFLOWS_DIR is not writable'),
  });
  expect(text).not.toContain(file);
  expect(JSON.stringify(logger.lines)).toContain('A workflow file cannot be written');
});

it.each([
  ['EACCES', 'FORBIDDEN'],
  ['EROFS', 'FORBIDDEN'],
  ['ENOSPC', 'QUEUE_UNAVAILABLE'],
  ['EIO', 'EIO'],
])('%s is %s', async (reason, code) => {
  const fails = async () => {
    throw Object.assign(new Error('no'), { code: reason });
  };
  await expect(folderWrite('mine', silentLogger, fails)).rejects.toMatchObject({ code });
});
