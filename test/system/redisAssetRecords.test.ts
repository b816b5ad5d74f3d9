import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisAssetRecords } from '../../src/services/assets/redis/RedisAssetRecords.js';
import { testAssetRecords } from '../contracts/assetRecords.js';
import { assetReference, ComfyApiClient, invertGraph } from '../support/comfyApi.js';
import { png } from '../support/pictures.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { startTwo } from '../support/redisServers.js';

describe.runIf(requireRedis())('with one Redis for two servers', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server?.stop());

  testAssetRecords('Redis', async () => {
    const { here, there, prefix, stop } = await startTwo(server.url);
    const records = new RedisAssetRecords(here.connection, `{${prefix}}`);
    const ofAnotherServer = new RedisAssetRecords(there.connection, `{${prefix}}`);
    return { records, ofAnotherServer, stop };
  });

  it('a file, its job and its outputs are the same on each of them', async () => {
    const site = await RedisSite.open();
    try {
      const [one, other] = [await site.start(), await site.start()].map(
        ({ client }) => new ComfyApiClient(client.baseUrl),
      );
      if (!one || !other) throw new Error('no servers');
      const asset = await one.asset(await png());
      expect((await other.asset(await png())).status).toBe(200);
      const { id } = await other.submit(invertGraph(assetReference(asset.id)), { metadata: 'm' });
      const job = await one.ended(id);
      expect(job).toMatchObject({ status: 'succeeded', metadata: 'm', outputs: [{ node_id: '3' }] });
      expect(job.outputs[0]?.hash).toMatch(/^blake3:/);
      const url = job.outputs[0]?.url ?? '';
      expect(await one.bytes(url)).toEqual(await other.bytes(url));
      expect(await (await one.client.request(`/api/v2/jobs/${id}/workflow`)).text()).toBe(
        await (await other.client.request(`/api/v2/jobs/${id}/workflow`)).text(),
      );
      await one.client.request(`/api/v2/assets/${asset.id}`, { method: 'DELETE' });
      expect((await other.client.request(`/api/v2/assets/${asset.id}`)).status).toBe(404);
    } finally {
      await site.close();
    }
  });
});
