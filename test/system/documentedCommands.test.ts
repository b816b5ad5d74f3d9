import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workflows } from '../../src/workflows/index.js';
import { invertImage } from '../examples/invertImage.js';
import { commandsOf, requireCurl } from '../support/documentedCommands.js';
import { eventually } from '../support/eventually.js';
import { Stack } from '../support/stack.js';
import { userGraph } from '../support/userGraphs.js';

const SAMPLES = path.resolve(import.meta.dirname, '../../data/samples');
const PRINTED_URL = 'http://127.0.0.1:3000';
/** Some responses contain images. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const run = promisify(execFile);

let folder: string;
let stack: Stack;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'documented-'));
  await mkdir(path.join(folder, 'data', 'workflows'), { recursive: true });
  await symlink(SAMPLES, path.join(folder, 'data', 'samples'));
  await mkdir(path.join(folder, 'Downloads'));
  await writeFile(path.join(folder, 'Downloads', 'my-flow.json'), userGraph('text-to-image'));
  stack = await Stack.start({
    env: { WORKFLOWS_DIR: path.join(folder, 'data', 'workflows') },
    overrides: { workflows: [...workflows, invertImage] },
  });
});
afterEach(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a block as printed, after the ones before it: `$JOB` keeps its value. HTTP errors are failures. */
async function runBlock(block: string): Promise<string> {
  const script = [
    'curl() { command curl --fail-with-body "$@"; }',
    '[ ! -f .job ] || . ./.job',
    block.replaceAll(PRINTED_URL, stack.client.baseUrl),
    '[ -z "$JOB" ] || echo "JOB=$JOB" > .job',
  ].join('\n');
  const { stdout } = await run('bash', ['-eo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder },
    timeout: 60_000,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return stdout;
}

/** Waits until machines can run all workflows that a block copied, as its reader would. */
async function workflowsRead(): Promise<void> {
  const files = await readdir(path.join(folder, 'data', 'workflows'));
  await eventually(() => {
    const types = files.map((file) => path.parse(file).name);
    for (const type of types) expect(stack.services.balancer.canRun(type)).toBe(true);
    for (const type of types) expect(stack.services.workflows.get(type)).toBeDefined();
  });
}

describe.runIf(requireCurl())('the commands in the documents', () => {
  it.each([
    ['README.md', ['cut-out.png', 'enlarged.png']],
    ['documentation/API_Guide.md', ['cut-out.webp', 'enlarged.png', 'small.webp', 'first-100-bytes']],
    ['documentation/Workflows.md', ['negative.png']],
  ])(
    'of %s work as printed',
    async (document, files) => {
      const blocks = commandsOf(document);
      expect(blocks.length).toBeGreaterThan(1);
      for (const block of blocks) {
        await runBlock(block);
        await workflowsRead();
      }
      for (const file of files) expect((await stat(path.join(folder, file))).size).toBeGreaterThan(50);
    },
    120_000,
  );

  it('fail here when the server answers with an error', async () => {
    await expect(runBlock(`curl ${PRINTED_URL}/api/jobs/nothing/status`)).rejects.toThrow();
    await expect(access(path.join(folder, '.job'))).rejects.toThrow();
  });
});
