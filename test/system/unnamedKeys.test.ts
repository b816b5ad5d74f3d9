import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asyncAnswer, jobListAnswer } from '../../src/schemas/jobs.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { writeSettings } from '../support/writeSettings.js';

const GONE = 'gone-0123456789abcdef';
const KEPT = 'kept-0123456789abcdef';
const NEW = 'new-0123456789abcdef0';
/** A process may take long to start on a busy computer. */
const START_MS = 120_000;

let simulator: Simulator;
let folder: string;
let servers: ServerProcess[];
beforeEach(async () => {
  servers = [];
  simulator = await startSimulator();
  folder = mkdtempSync(path.join(tmpdir(), 'keys-'));
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.kill()));
  await simulator.stop();
  rmSync(folder, { recursive: true });
});

const write = (keys: readonly string[]) => writeSettings(folder, { API_KEYS: keys.join(',') });

async function start(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, ...env });
  servers.push(server);
  return server;
}

const clientOf = (server: ServerProcess, key: string) => new Client(server.baseUrl, { 'X-API-Key': key });

/** Submits a picture with an idempotency key. @returns the id of its job */
async function submit(client: Client): Promise<string> {
  const headers = { 'Idempotency-Key': 'order-1' };
  const response = await client.post('/api/async/upscale-image', await png(), { headers });
  return asyncAnswer.parse(await response.json()).job_id;
}

const idsOf = async (client: Client) =>
  (await client.json('/api/jobs/list', jobListAnswer)).jobs.map(({ id }) => id);

/** Checks that a client has no access to another client's finished job. */
async function expectHidden(client: Client, id: string): Promise<void> {
  for (const part of ['status', 'info', 'result', 'result/image', 'events', 'outputs/0']) {
    await client.error(`/api/jobs/${id}/${part}`, 404);
  }
  await client.error(`/api/jobs/${id}/cancel`, 404, { method: 'POST' });
  expect(await idsOf(client)).not.toContain(id);
}

describe('API keys without names', { timeout: START_MS }, () => {
  it('keep their own jobs while keys before them in the list are removed and added', async () => {
    const server = await start({ ENV_FILE: write([GONE, KEPT]) });
    const [gone, kept] = [clientOf(server, GONE), clientOf(server, KEPT)];
    const [lost, own] = [await submit(gone), await submit(kept)];
    expect(own).not.toBe(lost);
    await gone.finished(lost);
    await kept.finished(own);

    for (const keys of [[KEPT], [NEW, KEPT]]) {
      write(keys);
      const added = keys.includes(NEW) ? 200 : 401;
      await eventually(async () => {
        expect((await gone.request('/api/jobs/list')).status).toBe(401);
        expect((await clientOf(server, NEW).request('/api/jobs/list')).status).toBe(added);
      });
      await expectHidden(kept, lost);
      expect(await idsOf(kept)).toEqual([own]);
      expect((await kept.resultImage(own)).length).toBeGreaterThan(0);
      expect(await submit(kept)).toBe(own);
    }
    const added = clientOf(server, NEW);
    for (const id of [lost, own]) await expectHidden(added, id);
    expect([lost, own]).not.toContain(await submit(added));
    for (const key of [GONE, KEPT, NEW]) expect(server.output).not.toContain(key);
  });
});

describe.runIf(requireRedis())('API keys without names, with QUEUE=redis', { timeout: START_MS }, () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await RedisServer.start();
  });
  afterEach(() => redis.stop());

  it('keep their own jobs after a restart with a shorter list, and on servers with another order', async () => {
    const shared = {
      QUEUE: 'redis',
      REDIS_URL: redis.url,
      REDIS_PREFIX: `test-${randomUUID()}`,
      ASSET_STORE: 'disk',
      ASSET_DIR: path.join(folder, 'assets'),
    };
    const first = await start({ ...shared, API_KEYS: `${GONE},${KEPT}` });
    const [lost, own] = [await submit(clientOf(first, GONE)), await submit(clientOf(first, KEPT))];
    await clientOf(first, GONE).finished(lost);
    await clientOf(first, KEPT).finished(own);

    const other = await start({ ...shared, API_KEYS: `${KEPT},${GONE}` });
    expect(await idsOf(clientOf(other, GONE))).toEqual([lost]);
    expect(await idsOf(clientOf(other, KEPT))).toEqual([own]);
    await Promise.all(servers.map((server) => server.kill()));

    const restarted = clientOf(await start({ ...shared, API_KEYS: KEPT }), KEPT);
    await expectHidden(restarted, lost);
    expect(await idsOf(restarted)).toEqual([own]);
    expect(await submit(restarted)).toBe(own);
  });
});
