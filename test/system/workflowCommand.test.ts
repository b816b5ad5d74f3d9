import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readManifest } from '../../src/workflows/files/manifestText.js';
import { loadImage, node, textToImage } from '../graphs/nodes.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const command = (...options: string[]) =>
  run(process.execPath, ['--import', 'tsx', 'scripts/workflow.ts', ...options], { cwd: ROOT });

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'workflow-command-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function fileOf(content: unknown): Promise<string> {
  const file = path.join(directory, 'graph.json');
  await writeFile(file, JSON.stringify(content));
  return file;
}

it('prints a manifest that the server takes', async () => {
  const { stdout } = await command(await fileOf(textToImage()));
  expect(stdout).toContain(
    '  prompt: { node: "6", field: text, kind: text, description: What the result should contain. }\n',
  );
  expect(stdout).toContain('description: What the result should not contain. }\n');
  expect(stdout).toContain('outputs:\n  image: { node: "9" }\n');
  expect([...readManifest(stdout).inputs.keys()].slice(0, 3)).toEqual(['prompt', 'negative_prompt', 'seed']);
});

it('asks a machine for loaders, savers and ranges that only it knows', async () => {
  const infos = {
    'Fetch Picture': { input: { required: { picture: [['a.png'], { image_upload: true }] } } },
    Keep: { input: { required: { what: ['IMAGE', {}] } }, output_node: true },
    KSampler: { input: { required: { steps: ['INT', { min: 1, max: 77, tooltip: 'How often.' }] } } },
  };
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/object_info' ? 200 : 404;
    response.end(JSON.stringify(infos));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const graph = {
      '1': node('Fetch Picture', { picture: 'a.png' }),
      '2': node('KSampler', { steps: 4, latent_image: ['1', 0] }),
      '3': node('Keep', { what: ['2', 0] }),
    };
    const { stdout } = await command(await fileOf(graph), '--machine', `http://127.0.0.1:${port}/`);
    const { inputs, outputs } = readManifest(stdout);
    expect(inputs.get('image')).toMatchObject({ kind: 'image', targets: [{ node: '1', field: 'picture' }] });
    expect(inputs.get('steps')).toMatchObject({ maximum: 77, description: 'How often.' });
    expect([...outputs.values()]).toEqual([{ node: '3' }]);
  } finally {
    server.close();
  }
});

it.each([
  ['a graph without outputs', { '1': loadImage() }, 'no known node that saves or previews'],
  [
    'a graph whose result is only sent over a WebSocket',
    { '1': loadImage(), '2': node('SaveImageWebsocket', { images: ['1', 0] }) },
    'Jobs would have no result',
  ],
  ['the interface format', { nodes: [], links: [] }, 'Export (API)'],
])('says what is wrong with %s', async (_what, content, message) => {
  await expect(command(await fileOf(content))).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(message),
  });
});
