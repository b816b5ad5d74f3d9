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
  const { createApp, createServices, loadConfig, silentLogger } = await import(process.argv[2]);
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
  const names = [...optional, ...process.argv.slice(3)];
  console.log(JSON.stringify(names.filter(isLoaded)));
  await services.stop();
  process.exit(0);
`;

/** Two packages that are loaded, one of each module system: they prove that loaded packages are detected. */
const ENTRIES = [
  ['./dist/index.js', 'express', 'p-limit'],
  ['./dist/index.bundle.js', '@napi-rs/blake-hash', 'sharp'],
] as const;

it.each(ENTRIES)(
  '%s loads nothing of Redis where jobs are in memory, and nothing of OpenTelemetry where nobody collects traces',
  {
    timeout: 60_000,
  },
  async (entry, ...loaded) => {
    const metrics = `/tmp/lazy-${process.pid}.json`;
    const run = promisify(execFile);
    const args = ['--input-type=module', '-e', SCRIPT, metrics, entry, ...loaded];
    const { stdout } = await run(process.execPath, args);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(loaded);
  },
);
