import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

describe('the package', () => {
  it('can be imported, which starts nothing', async () => {
    const code = `console.log(Object.keys(await import('comfyui-express-middleware')).join())`;
    // Anything that the import starts would keep the process from ending.
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], COMFYUI_HOST: 'no host at all' },
      timeout: 60_000,
    });
    expect(stderr).toBe('');
    for (const name of ['createApp', 'createHttpServer', 'createServices', 'loadConfig']) {
      expect(stdout.trim().split(',')).toContain(name);
    }
  });

  it('is packed with what was built, and without sources', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
    const packed = JSON.parse(stdout) as Array<{ files: Array<{ path: string }> }>;
    const files = packed[0]?.files.map((file) => file.path) ?? [];
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'package.json',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/server.bundle.js',
        'dist/server.js',
        'dist/client/index.js',
        'dist/dashboard/index.html',
      ]),
    );
    expect(files.filter((file) => !/^(dist\/|README\.md$|LICENSE$|package\.json$)/.test(file))).toEqual([]);
  });
});

describe('a program that has the server inside', () => {
  let simulator: Simulator;
  let program: ServerProcess;
  afterEach(async () => {
    await program.kill();
    await simulator.stop();
  });

  it('answers by itself, lets the server answer the rest, and ends when it is told to', async () => {
    simulator = await startSimulator({});
    program = ServerProcess.spawn(
      { COMFYUI_HOST: simulator.host },
      { command: [process.execPath, 'examples/embed/server.js'] },
    );
    await eventually(() => {
      if (!program.lines().some(({ message }) => message === 'Listening')) throw new Error(program.output);
    }, 60_000);
    const client = new Client(program.baseUrl);
    expect(await (await client.request('/about')).text()).toBe('A site with an API for images.\n');
    const { image } = await client.process('remove-background', await png());
    expect(image.subarray(1, 4).toString()).toBe('PNG');
    expect((await client.request('/docs')).status).toBe(200);
    expect((await client.request('/')).headers.get('content-type')).toMatch(/^text\/html/);
    expect((await client.error('/nowhere', 404)).code).toBe('NOT_FOUND');
    program.child.kill('SIGTERM');
    expect(await program.ended()).toBe(0);
  });
});
