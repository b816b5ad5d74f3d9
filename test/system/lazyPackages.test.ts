import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Starts the services of a configuration in a process of its own, and prints which of the packages are loaded. */
const SCRIPT = `
  import { createRequire } from 'node:module';
  const { createServices, loadConfig, silentLogger } = await import('./dist/index.js');
  const config = loadConfig({ COMFYUI_HOST: '127.0.0.1:9', STATE_DIR: '', METRICS_FILE_PATH: process.argv[1] });
  const services = createServices(config, silentLogger);
  await services.start();
  const files = Object.keys(createRequire(import.meta.url).cache);
  const isLoaded = (name) => files.some((file) => file.includes('/node_modules/' + name + '/'));
  console.log(JSON.stringify(['ioredis', 'bullmq', 'express'].filter(isLoaded)));
  await services.stop();
  process.exit(0);
`;

it('loads nothing of Redis where jobs are in memory', { timeout: 60_000 }, async () => {
  const metrics = `/tmp/lazy-${process.pid}.json`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', SCRIPT, metrics]);
  // Express shows that this would tell.
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(['express']);
});
