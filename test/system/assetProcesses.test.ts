import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { ServerProcess, type Setting } from '../support/process.js';
import { S3_CREDENTIALS, S3Server } from '../support/S3Server.js';

/** The unit of `ulimit -f`, by POSIX. */
const BLOCK_BYTES = 512;

let simulator: Simulator;
let directory: string;
const servers: ServerProcess[] = [];
beforeEach(async () => {
  simulator = await startSimulator();
  directory = await mkdtemp(path.join(tmpdir(), 'assets-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  await simulator.stop();
  await rm(directory, { recursive: true });
});

async function start(env: Readonly<Record<string, string>>, setting: Setting = {}) {
  const server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, ...env }, setting);
  servers.push(server);
  return { server, client: new Client(server.baseUrl) };
}

const onDisk = () => ({ ASSET_STORE: 'disk', ASSET_DIR: directory });

/** A PNG that cannot be compressed. */
function noise(size: number): Promise<Buffer> {
  const raw = { width: size, height: size, channels: 3 } as const;
  return sharp(randomBytes(size * size * raw.channels), { raw })
    .png()
    .toBuffer();
}

async function filesOnDisk(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** Kills the server while one job is done and one is not; then starts a server in its place. */
async function killAndReplace(
  env: Readonly<Record<string, string>>,
  contents: () => Promise<string[]>,
): Promise<void> {
  const { server, client } = await start(env);
  await client.process('remove-background', await png());
  simulator.faults.hang = true;
  const id = await client.submit('remove-background', await png());
  await client.until(id, ({ status }) => status === 'processing');
  await server.kill();
  expect(await contents()).not.toEqual([]);
  await start({ ...env, ASSET_TTL: '1000' });
  await eventually(async () => expect(await contents()).toEqual([]));
}

it('a server deletes what one left in its folder that was killed', () =>
  killAndReplace(onDisk(), filesOnDisk));

it('a server deletes what one left in its bucket that was killed', async () => {
  const s3 = await S3Server.start();
  const { bucket, endpoint } = s3;
  const env = { ASSET_STORE: 's3', S3_BUCKET: bucket, S3_ENDPOINT: endpoint, S3_FORCE_PATH_STYLE: 'true' };
  try {
    await killAndReplace({ ...env, ...S3_CREDENTIALS }, () => s3.contents());
  } finally {
    await s3.stop();
  }
});

it('a disk without room for a result fails its job, without room for an upload refuses it', async () => {
  const blocks = 8;
  const { server, client } = await start(onDisk(), { limit: `-f ${blocks}` });
  const [small, large] = await Promise.all([noise(32), noise(128)]);
  expect([small.length, large.length].map((length) => length > blocks * BLOCK_BYTES)).toEqual([false, true]);
  const failed = await client.finished(await client.submit('upscale-image', small));
  expect(failed).toMatchObject({ status: 'failed', error: 'The result could not be stored.' });
  expect((await client.refused('/api/upscale-image', large, 500)).code).toBe('INTERNAL_ERROR');
  const told = server.lines().find(({ message }) => message === 'A result could not be stored');
  expect(told?.['error']).toMatch(/EFBIG/);
  expect(await filesOnDisk()).toEqual([]);
  expect((await client.request('/health')).status).toBe(200);
});

it('a folder that cannot be used ends the start with one line', async () => {
  const server = ServerProcess.spawn({
    COMFYUI_HOST: simulator.host,
    ...onDisk(),
    ASSET_DIR: '/dev/null/assets',
  });
  servers.push(server);
  expect(await server.ended()).toBe(1);
  expect(server.lines().find(({ message }) => message === 'The server cannot start')).toMatchObject({
    error: expect.stringContaining('ENOTDIR'),
  });
});
