import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statusAnswer } from '../../src/schemas/status.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { ServerProcess } from '../support/process.js';

const SMALL_HEAP = { nodeArguments: ['--max-old-space-size=64'] };
const CONNECTIONS = 4;
const REQUESTS_A_CONNECTION = 15_000;
/** Long enough for a busy computer, ms. */
const FLOOD_TIMEOUT_MS = 120_000;

let simulator: Simulator;
let server: ServerProcess | undefined;
beforeEach(async () => {
  simulator = await startSimulator();
});
afterEach(async () => {
  await server?.kill();
  await simulator.stop();
  server = undefined;
});

/** Sends pipelined requests that are rejected, with the longest possible log lines. */
async function flood(baseUrl: string): Promise<void> {
  const request = `GET /${'x'.repeat(200)} HTTP/1.1\r\nHost: localhost\r\n`;
  const all = `${request}\r\n`.repeat(REQUESTS_A_CONNECTION - 1);
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1');
      socket.resume().end(`${all}${request}Connection: close\r\n\r\n`);
      await once(socket, 'close');
    }),
  );
}

describe('a standard output', () => {
  it('that nobody reads takes no memory, and says how many lines it lost once it is read', {
    timeout: FLOOD_TIMEOUT_MS,
  }, async () => {
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host }, SMALL_HEAP);
    const { baseUrl, child } = server;
    const client = new Client(baseUrl);
    child.stdout?.pause();
    await flood(baseUrl);
    await client.json('/status', statusAnswer);
    expect(child.exitCode).toBeNull();
    child.stdout?.resume();
    await eventually(() => {
      const lines = server?.lines() ?? [];
      const reports = lines.filter((line) => line['component'] === 'logger');
      const dropped = reports.reduce((sum, report) => sum + Number(report['dropped']), 0);
      const told = lines.filter(({ path }) => String(path).startsWith('/xxx')).length;
      expect(reports.length).toBeGreaterThan(0);
      expect(told + dropped).toBe(CONNECTIONS * REQUESTS_A_CONNECTION);
    });
  });

  it('that is closed does not stop the server', async () => {
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host });
    const { baseUrl, child } = server;
    child.stdout?.destroy();
    const client = new Client(baseUrl);
    for (let n = 0; n < 20; n += 1) await client.error(`/nowhere/${n}`, 404);
    child.kill('SIGTERM');
    expect(await server.ended()).toBe(0);
  });

  it('that goes to a command that ends, as in `server | head -1`, does not stop the server', async () => {
    const port = await freePort();
    const shell = spawn('/bin/sh', ['-c', `"${process.execPath}" dist/server.bundle.js 2>&1 | head -1`], {
      cwd: path.resolve(import.meta.dirname, '../..'),
      env: {
        PORT: String(port),
        HOST: '127.0.0.1',
        LOG_DIR: '',
        STATE_DIR: '',
        COMFYUI_HOST: simulator.host,
      },
      detached: true,
      stdio: 'ignore',
    });
    try {
      const client = new Client(`http://127.0.0.1:${port}`);
      await eventually(async () => void (await client.json('/status', statusAnswer)));
      for (let n = 0; n < 20; n += 1) await client.error(`/nowhere/${n}`, 404);
    } finally {
      // The whole pipeline; the shell is its first process.
      process.kill(-Number(shell.pid), 'SIGKILL');
    }
  });
});

describe('a log file', () => {
  it('that is slower than a flood takes no memory', { timeout: FLOOD_TIMEOUT_MS }, async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'logs-'));
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, LOG_DIR: directory }, SMALL_HEAP);
    server.child.stdout?.pause();
    await flood(server.baseUrl);
    await new Client(server.baseUrl).json('/status', statusAnswer);
    expect(server.child.exitCode).toBeNull();
  });
});
