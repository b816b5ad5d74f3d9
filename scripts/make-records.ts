// Writes what a server of this version leaves in Redis and in its asset store when it is killed, for the test that newer servers
// can continue from it (test/system/olderRecords.test.ts). Run before a change of the data in Redis:
//   npm run build && npx tsx scripts/make-records.ts test/records/VERSION.json
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { startSimulator } from '../src/simulator/index.js';
import { Client } from '../test/support/client.js';
import { eventually } from '../test/support/eventually.js';
import { colourOf, png } from '../test/support/pictures.js';
import { ServerProcess } from '../test/support/process.js';
import { RedisServer } from '../test/support/RedisServer.js';

const [, , file] = process.argv;
if (file === undefined) throw new Error('Usage: npx tsx scripts/make-records.ts FILE');

const redis = await RedisServer.start();
const simulator = await startSimulator();
const assets = await mkdtemp(path.join(tmpdir(), 'records-'));
const server = await ServerProcess.start({
  COMFYUI_HOST: simulator.host,
  QUEUE: 'redis',
  REDIS_URL: redis.url,
  REDIS_PREFIX: 'records',
  ASSET_STORE: 'disk',
  ASSET_DIR: assets,
  MAX_JOBS_PER_INSTANCE: '1',
});
const client = new Client(server.baseUrl);
let colour = 0;
const submit = async () => {
  colour += 1;
  return client.submit('upscale-image', await png({ colour: colourOf(colour) }));
};

const completed = await submit();
await client.finished(completed);
simulator.setWork(600_000);
const running = await submit();
await eventually(() => {
  if (simulator.executions.length < 2) throw new Error('it does not run yet');
});
const [waiting, cancelled] = [await submit(), await submit()];
await client.request(`/api/jobs/${cancelled}/cancel`, { method: 'POST' });
await server.kill();

const redisClient = new Redis(redis.url);
const keys: Record<string, unknown> = {};
for (const key of (await redisClient.keys('*')).sort()) keys[key] = await contentOf(redisClient, key);
const entries = await readdir(assets, { recursive: true, withFileTypes: true });
const files: Record<string, string> = {};
for (const entry of entries.filter((one) => one.isFile())) {
  const name = path.join(entry.parentPath, entry.name);
  files[path.relative(assets, name)] = (await readFile(name)).toString('base64');
}
const jobs = { completed, running, waiting, cancelled };
await writeFile(file, `${JSON.stringify({ writtenAt: Date.now(), jobs, keys, files }, undefined, 2)}\n`);
redisClient.disconnect();
await Promise.all([redis.stop(), simulator.stop()]);
process.exit();

/** Type, time to live (ms, or -1) and content of a key. */
async function contentOf(client: Redis, key: string) {
  const [type, ttl] = [await client.type(key), await client.pttl(key)];
  const readers: Record<string, () => Promise<unknown>> = {
    string: () => client.get(key),
    hash: () => client.hgetall(key),
    list: () => client.lrange(key, 0, -1),
    set: () => client.smembers(key),
    zset: () => client.zrange(key, '0', '-1', 'WITHSCORES'),
    // Only relevant for current readers.
    stream: async () => undefined,
  };
  return { type, ttl, content: await readers[type]?.() };
}
