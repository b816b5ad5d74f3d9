import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Starts the services of a configuration in a separate process, and prints which of the packages are loaded. */
const SCRIPT = `
  import { Session } from 'node:inspector';
  // It is told of every script, of either kind of module.
  const urls = [];
  const session = new Session();
  session.connect();
  session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url));
  session.post('Debugger.enable');
  const { createApp, createServices, loadConfig, silentLogger } = await import('./dist/index.js');
  const config = loadConfig({
    COMFYUI_HOST: '127.0.0.1:9',
    STATE_DIR: '',
    METRICS_FILE_PATH: process.argv[1],
    RATE_LIMIT_PER_MINUTE: '10',
  });
  const services = createServices(config, silentLogger);
  createApp(services, config);
  await services.start();
  const isLoaded = (name) => urls.some((url) => url.includes('/node_modules/' + name + '/'));
  const optional = ['ioredis', 'bullmq', 'rate-limit-redis', '@opentelemetry/core', '@opentelemetry/sdk-trace-base'];
  const names = [...optional, 'express', 'p-limit'];
  console.log(JSON.stringify(names.filter(isLoaded)));
  await services.stop();
  process.exit(0);
`;

it('loads nothing of Redis where jobs are in memory, and nothing of OpenTelemetry where nobody collects traces', {
  timeout: 60_000,
}, async () => {
  const metrics = `/tmp/lazy-${process.pid}.json`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', SCRIPT, metrics]);
  // The last two, one of each module system, prove that loaded packages are detected.
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(['express', 'p-limit']);
});
