import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { ServerProcess } from '../support/process.js';
import { writeSettings } from '../support/writeSettings.js';

const KEYS = { first: 'first-0123456789abcdef', second: 'second-0123456789abcdef' };

/** A process may take long to start on a busy computer. */
const START_MS = 120_000;

let simulator: Simulator;
let folder: string;
let server: ServerProcess | undefined;
beforeEach(async () => {
  simulator = await startSimulator();
  folder = mkdtempSync(path.join(tmpdir(), 'settings-'));
});
afterEach(async () => {
  await server?.kill();
  await simulator.stop();
  rmSync(folder, { recursive: true });
  server = undefined;
});

const write = (settings: Readonly<Record<string, string>>) => writeSettings(folder, settings);
const statusWith = async (key: string) =>
  (await new Client(server?.baseUrl ?? '', { 'X-API-Key': key }).request('/api/jobs/stats')).status;
const told = (message: string) => server?.lines().filter((line) => line.message === message) ?? [];

describe('the file of settings', { timeout: START_MS }, () => {
  it('changes keys and log level while the server runs, and says what needs a restart', async () => {
    const file = write({ API_KEYS: `a:${KEYS.first}`, LOG_LEVEL: 'info' });
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, ENV_FILE: file });
    expect([await statusWith(KEYS.first), await statusWith(KEYS.second)]).toEqual([200, 401]);
    const quiet = () => told('Request').filter(({ level }) => level === 'debug').length;
    expect(quiet()).toBe(0);

    write({ API_KEYS: `b:${KEYS.second}`, LOG_LEVEL: 'debug', PORT: '1234' });
    await eventually(async () => {
      expect([await statusWith(KEYS.first), await statusWith(KEYS.second)]).toEqual([401, 200]);
    });
    await eventually(() => expect(quiet()).toBeGreaterThan(0));
    expect(told('Settings read again')).toMatchObject([
      { logLevel: 'debug', keys: 1, needRestart: ['PORT'] },
    ]);
    expect(server.output).not.toContain(KEYS.second);
  });

  it('that is damaged, lacks its keys or is gone changes nothing, and can be put right', async () => {
    const file = write({ API_KEYS: `a:${KEYS.first}` });
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, ENV_FILE: file });
    const problems = () => told('Settings cannot be used, the earlier ones stay').map(({ error }) => error);
    write({ API_KEYS: 'short' });
    await eventually(() => expect(problems()).toEqual([expect.stringContaining('API_KEYS: must be')]));
    write({ LOG_LEVEL: 'debug' });
    await eventually(() => expect(problems()[1]).toContain('the last key'));
    rmSync(file);
    await eventually(() => expect(problems()[2]).toContain('gone'));
    expect([await statusWith(KEYS.first), await statusWith('')]).toEqual([200, 401]);
    write({ API_KEYS: `a:${KEYS.first},b:${KEYS.second}` });
    await eventually(async () => expect(await statusWith(KEYS.second)).toBe(200));
    expect(server.output).not.toContain('short"');
  });

  it.each([
    ['is missing', () => path.join(folder, 'setings.env'), 'does not exist'],
    ['is a folder', () => folder, 'EISDIR'],
  ])('stops the start if it %s: it may have the keys', async (_, file, reason) => {
    write({ API_KEYS: `a:${KEYS.first}` });
    server = ServerProcess.spawn({ COMFYUI_HOST: simulator.host, ENV_FILE: file() });
    expect(await server.ended()).toBe(1);
    expect(server.output).toMatch(
      /^Invalid configuration:\n {2}ENV_FILE: must be a file of settings, but ".*"/,
    );
    expect(server.output).toContain(reason);
  });

  it('that cannot be read any more changes nothing, and can be put right', async () => {
    const file = write({ API_KEYS: `a:${KEYS.first}` });
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, ENV_FILE: file });
    rmSync(file);
    mkdirSync(file);
    await eventually(() =>
      expect(told('Settings cannot be used, the earlier ones stay').at(-1)?.['error']).toContain('EISDIR'),
    );
    expect([await statusWith(KEYS.first), await statusWith('')]).toEqual([200, 401]);
    rmSync(file, { recursive: true });
    write({ API_KEYS: `b:${KEYS.second}` });
    await eventually(async () => expect(await statusWith(KEYS.second)).toBe(200));
  });

  it.each([
    ['API_KEYS', `${KEYS.first}#${KEYS.second}`],
    ['API_KEYS', `#${KEYS.second}`],
    ['COMFYUI_AUTH_HEADER', 'Authorization: Bearer abc#def'],
  ])('stops the start if a # cuts %s', async (name, value) => {
    server = ServerProcess.spawn({ COMFYUI_HOST: simulator.host, ENV_FILE: write({ [name]: value }) });
    expect(await server.ended()).toBe(1);
    expect(server.output).toContain(`${name}: ends at a # in ${path.join(folder, 'settings.env')}`);
    for (const secret of [KEYS.first, KEYS.second, 'abc']) expect(server.output).not.toContain(secret);
  });

  it('may have a # in quotes, and in comments', async () => {
    const key = `${KEYS.first}#${KEYS.second}`;
    const file = write({
      '#API_KEYS': 'a#b',
      API_KEYS: `"a:${key}" # the shop's key#1`,
      LOG_LEVEL: 'info#b',
    });
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, ENV_FILE: file });
    expect([await statusWith(key), await statusWith(KEYS.first)]).toEqual([200, 401]);
    write({ API_KEYS: `'b:${key}2'` });
    await eventually(async () => expect(await statusWith(`${key}2`)).toBe(200));
    write({ API_KEYS: `${KEYS.second}#${key}` });
    await eventually(() =>
      expect(told('Settings cannot be used, the earlier ones stay').at(-1)?.['error']).toContain('a #'),
    );
    expect([await statusWith(`${key}2`), await statusWith(KEYS.second)]).toEqual([200, 401]);
  });

  it('does not count where the environment says otherwise', async () => {
    const file = write({ API_KEYS: `a:${KEYS.first}`, LOG_LEVEL: 'debug' });
    server = await ServerProcess.start({
      COMFYUI_HOST: simulator.host,
      ENV_FILE: file,
      LOG_LEVEL: 'info',
    });
    await statusWith(KEYS.first);
    expect(told('Request').filter(({ level }) => level === 'debug')).toEqual([]);
  });
});
