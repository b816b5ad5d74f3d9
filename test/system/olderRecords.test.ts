import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { colourOf, distance, middle } from '../support/pictures.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { Stack } from '../support/stack.js';

/** Each was written by `scripts/make-records.ts` of an earlier version. */
const RECORDS = path.resolve(import.meta.dirname, '../records');

const texts = z.array(z.string());
const key = z.discriminatedUnion('type', [
  z.object({ type: z.literal('string'), ttl: z.number(), content: z.string() }),
  z.object({ type: z.literal('hash'), ttl: z.number(), content: z.record(z.string(), z.string()) }),
  z.object({ type: z.literal(['list', 'set', 'zset']), ttl: z.number(), content: texts }),
  z.object({ type: z.literal('stream'), ttl: z.number() }),
]);
const recordsSchema = z.object({
  writtenAt: z.number(),
  jobs: z.object({ completed: z.string(), running: z.string(), waiting: z.string(), cancelled: z.string() }),
  keys: z.record(z.string(), key),
  files: z.record(z.string(), z.string()),
});
type Records = z.infer<typeof recordsSchema>;

/** Changes the times to now: otherwise the records would have expired long ago. */
function ofNow(text: string): string {
  const { writtenAt } = z.object({ writtenAt: z.number() }).parse(JSON.parse(text));
  const later = Date.now() - writtenAt;
  return text.replace(/\b\d{13}\b/g, (time) =>
    Math.abs(Number(time) - writtenAt) < 3_600_000 ? String(Number(time) + later) : time,
  );
}

async function restore(client: Redis, name: string, one: z.infer<typeof key>): Promise<void> {
  if (one.type === 'stream') return;
  if (one.type === 'string') await client.set(name, one.content);
  else if (one.type === 'hash') await client.hset(name, one.content);
  else if (one.type === 'list') await client.rpush(name, ...one.content);
  else if (one.type === 'set') await client.sadd(name, ...one.content);
  else {
    const pairs = one.content.flatMap((member, n, all) => (n % 2 === 0 ? [all[n + 1] ?? '', member] : []));
    await client.zadd(name, ...pairs);
  }
  if (one.ttl > 0) await client.pexpire(name, one.ttl);
}

async function restoreAll({ keys, files }: Records, redis: RedisServer, folder: string): Promise<void> {
  const client = new Redis(redis.url);
  for (const [name, one] of Object.entries(keys)) await restore(client, name, one);
  client.disconnect();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), Buffer.from(content, 'base64'));
  }
}

describe.runIf(requireRedis())('what a server of an earlier version left when it was killed', () => {
  it.concurrent.each(readdirSync(RECORDS))('is gone on with: %s', { timeout: 120_000 }, async (file) => {
    const records = recordsSchema.parse(JSON.parse(ofNow(await readFile(path.join(RECORDS, file), 'utf8'))));
    const redis = await RedisServer.start();
    const folder = await mkdtemp(path.join(tmpdir(), 'assets-'));
    await restoreAll(records, redis, folder);
    const stack = await Stack.start({
      env: {
        QUEUE: 'redis',
        REDIS_URL: redis.url,
        REDIS_PREFIX: 'records',
        ASSET_STORE: 'disk',
        ASSET_DIR: folder,
      },
    });
    try {
      const { client } = stack;
      const { completed, running, waiting, cancelled } = records.jobs;
      expect(await client.status(cancelled)).toMatchObject({ status: 'cancelled' });
      // Its machine is not one of this server's, so it runs again.
      for (const [n, id] of [completed, running, waiting].entries()) {
        expect(await client.finished(id)).toMatchObject({ status: 'completed' });
        const colour = await middle(await client.resultImage(id));
        expect(distance(colour, colourOf(n + 1))).toBeLessThan(8);
      }
      expect(stack.simulator().executions).toHaveLength(2);
    } finally {
      await stack.stop();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
