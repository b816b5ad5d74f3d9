import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { HeldUpload, rawUpload } from '../support/heldUpload.js';
import { colourOf, png } from '../support/pictures.js';
import { ServerProcess, type Setting } from '../support/process.js';

const SHUTDOWN_MS = 1500;
/** Allowed excess, plus a reserve for a busy computer. */
const SPARE_MS = 250 + 1000;
const TROUBLEMAKER = new URL('../support/troublemaker.mjs', import.meta.url).href;

let simulator: Simulator | undefined;
let server: ServerProcess | undefined;
let receiver: Server | undefined;
afterEach(async () => {
  await server?.kill();
  await simulator?.stop();
  receiver?.closeAllConnections();
  receiver?.close();
  server = simulator = receiver = undefined;
});

async function start(env: Record<string, string> = {}, setting: Setting = {}) {
  const running = await startSimulator({ workMs: { InspyrenetRembg: 20 } });
  simulator = running;
  const started = ServerProcess.spawn({ COMFYUI_HOST: running.host, ...env }, setting);
  server = started;
  await eventually(() => {
    if (!started.lines().some(({ message }) => message === 'Instance')) throw new Error(started.output);
  });
  return { simulator: running, server: started, client: new Client(started.baseUrl) };
}

async function tell(process: ServerProcess, trouble: string): Promise<void> {
  process.child.send(trouble);
  const [answer] = await once(process.child, 'message');
  expect(answer).toBe(`done: ${trouble}`);
}

/** A webhook receiver that never responds. */
async function hangingReceiver(): Promise<string> {
  receiver = createServer(() => undefined);
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
}

describe('with a machine, a receiver, a store and clients that hang', () => {
  const hang = async (env: Record<string, string> = {}) => {
    const started = await start(
      {
        SHUTDOWN_TIMEOUT: String(SHUTDOWN_MS),
        WEBHOOK_SECRET: `whsec_${Buffer.alloc(24).toString('base64')}`,
        WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
        ...env,
      },
      { patch: TROUBLEMAKER },
    );
    const { client, server: process, simulator: machine } = started;
    const port = Number(new URL(process.baseUrl).port);
    const told = await client.submit('remove-background', await png(), {
      webhook_url: await hangingReceiver(),
    });
    await client.finished(told);
    machine.faults.hang = true;
    const running = await client.submit('remove-background', await png({ colour: colourOf(1) }));
    await client.until(running, ({ status }) => status === 'processing');
    const waiting = client.post('/api/remove-background', await png({ colour: colourOf(2) }));
    await HeldUpload.begin(port, rawUpload('/api/async/remove-background', Buffer.alloc(1024 * 1024)));
    const reader = connect(port, '127.0.0.1').on('error', () => undefined);
    reader.write('GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    reader.pause();
    await tell(process, 'hanging store');
    machine.faults.neverAnswer = true;
    const sentAt = performance.now();
    process.child.kill('SIGTERM');
    const code = await process.ended();
    const ms = performance.now() - sentAt;
    await waiting.catch(() => undefined);
    reader.destroy();
    return { code, ms, process, running };
  };

  it('it ends within SHUTDOWN_TIMEOUT, in good order', async () => {
    const { code, ms, process, running } = await hang();
    expect(ms).toBeLessThan(SHUTDOWN_MS + SPARE_MS);
    const report = process.lines().find(({ message }) => message === 'Unfinished jobs at shutdown');
    expect(report?.['interrupted']).toContain(running);
    expect(process.lines().at(-1)).toMatchObject({ message: 'Stopped' });
    // 1 if the store left something undone.
    expect([0, 1]).toContain(code);
  });

  it('it ends in time even when the disk hangs, which only a signal can end', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'hanging-disk-'));
    const file = path.join(folder, 'metrics.json');
    // Opening it blocks until there is a reader.
    expect(spawnSync('/bin/sh', ['-c', 'mkfifo "$0"', `${file}.tmp`]).status).toBe(0);
    const { code, ms, process } = await hang({ METRICS_FILE_PATH: file, METRICS_SAVE_INTERVAL: '0' });
    expect(ms).toBeLessThan(SHUTDOWN_MS + SPARE_MS);
    expect(code).toBe('SIGKILL');
    const parts = process.lines().filter(({ message }) => message === 'A component did not stop in time');
    expect(parts.map(({ part }) => part)).toContain('metrics file');
  });
});

describe('npm start', () => {
  const NPM: Setting = { command: ['npm', 'start'], isGroup: true };
  const env = { npm_config_update_notifier: 'false', NO_UPDATE_NOTIFIER: '1' };

  it.each([
    ['SIGTERM to npm', (pid: number) => process.kill(pid, 'SIGTERM')],
    ['SIGINT to npm', (pid: number) => process.kill(pid, 'SIGINT')],
    ['Ctrl-C, which all of the group get', (pid: number) => process.kill(-pid, 'SIGINT')],
  ])('%s reaches the server, and npm waits for its end', async (_, send) => {
    const { server: npm, client, simulator: machine } = await start(env, NPM);
    machine.faults.hang = true;
    const running = client.post('/api/remove-background', await png());
    await eventually(() => expect(machine.queueRemaining).toBe(1));
    send(npm.child.pid ?? 0);
    await eventually(() => expect(npm.lines().some(({ message }) => message === 'Stopping')).toBe(true));
    machine.faults.hang = false;
    expect((await running).status).toBe(200);
    await npm.ended();
    expect(npm.lines().at(-1)).toMatchObject({ message: 'Stopped' });
    await expect(fetch(`${npm.baseUrl}/status`)).rejects.toThrow();
  });
});

describe('after an error that nobody caught', () => {
  it.each([
    ['unhandled rejection', 'Unhandled rejection', 'Error: a stray rejection'],
    ['uncaught exception', 'Uncaught exception', 'Error: a stray exception'],
  ])('(%s) it is logged, running jobs end, and the exit code is 1', async (trouble, message, stack) => {
    const { server: process, client, simulator: machine } = await start({}, { patch: TROUBLEMAKER });
    machine.faults.hang = true;
    const running = client.post('/api/remove-background', await png());
    await eventually(() => expect(machine.queueRemaining).toBe(1));
    await tell(process, trouble);
    machine.faults.hang = false;
    expect((await running).status).toBe(200);
    expect(await process.ended()).toBe(1);
    const lines = process.lines();
    const logged = lines.find((line) => line.message === message);
    expect(logged).toMatchObject({ level: 'error', component: 'server' });
    expect(String(logged?.['stack'])).toContain(stack);
    expect(lines.at(-1)).toMatchObject({ message: 'Stopped' });
  });
});
