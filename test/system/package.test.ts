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

  it('takes workflows whose parameters were described with another copy of zod', async () => {
    const code = `
      import { createApp, createHttpServer, createServices, defineWorkflow, graphOf, loadConfig, silentLogger } from 'comfyui-express-middleware';
      import { z } from 'zod';
      const workflow = defineWorkflow({
        type: 'make-noise', title: 'Noise', description: 'Noise.', estimateSeconds: 1, files: [],
        parameters: z.object({ strength: z.coerce.number().min(0).max(1).default(0.5) }),
        requires: { nodes: ['EmptyImage'], models: [] }, outputs: [{ name: 'image', nodeId: '1' }], isBuiltIn: false,
        build: () => graphOf({ '1': { class_type: 'EmptyImage', inputs: {} } }), outputSize: () => undefined,
      });
      const config = loadConfig({ COMFYUI_HOST: process.argv[2], STATE_DIR: '', METRICS_FILE_PATH: process.argv[1] });
      const services = createServices(config, silentLogger, { workflows: [workflow] });
      const server = createHttpServer(createApp(services, config), config);
      await services.start();
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      const base = 'http://127.0.0.1:' + server.address().port;
      const { paths } = await (await fetch(base + '/openapi.json')).json();
      const response = await fetch(base + '/api/make-noise?strength=7', { method: 'POST' });
      console.log(JSON.stringify([Object.keys(paths).includes('/api/make-noise'), response.status, (await response.json()).error]));
      process.exit(0);
    `;
    const machine = await startSimulator({});
    const args = ['--input-type=module', '-e', code, `/tmp/package-${process.pid}.json`, machine.host];
    const program = run(process.execPath, args, { cwd: ROOT, timeout: 60_000 });
    const { stdout } = await program.finally(() => machine.stop());
    const [isListed, status, error] = JSON.parse(stdout) as [boolean, number, string];
    expect(isListed).toBe(true);
    expect(status).toBe(400);
    expect(error).toContain('strength must be at most 1');
  });

  it('is packed with what was built, and without sources', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
    const packed = JSON.parse(stdout) as Array<{ files: Array<{ path: string }> }>;
    const files = packed[0]?.files.map((file) => file.path) ?? [];
    expect(files).toEqual(
      expect.arrayContaining([
        'README.md',
        'package.json',
        'dist/index.bundle.js',
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
