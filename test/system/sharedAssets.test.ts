import { randomBytes, randomInt } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
import { DiskAssetStore } from '../../src/services/assets/DiskAssetStore.js';
import { HolderAudit } from '../../src/services/assets/HolderAudit.js';
import { RedisAssetHolders } from '../../src/services/assets/redis/RedisAssetHolders.js';
import { AssetBlobs } from '../../src/services/jobs/AssetBlobs.js';
import { systemClock } from '../../src/utils/clock.js';
import { wholeOf } from '../../src/utils/StoredFile.js';
import { testAssetHolders } from '../contracts/assetHolders.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';

const LIFETIME_MS = 3_600_000;
const CONNECTION = { maxRetriesPerRequest: 0, enableOfflineQueue: false, lazyConnect: true };

let prefixes = 0;
const newPrefix = () => {
  prefixes += 1;
  return `{t${prefixes}}`;
};

describe.runIf(requireRedis())('assets that servers share', () => {
  let redis: RedisServer;
  let folder: string;
  const cleanUp: (() => Promise<unknown> | unknown)[] = [];
  beforeAll(async () => {
    redis = await RedisServer.start();
    folder = await mkdtemp(path.join(tmpdir(), 'shared-assets-'));
  });
  afterAll(async () => {
    for (const step of cleanUp.reverse()) await step();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  async function connect(): Promise<Redis> {
    const client = new Redis(redis.url, CONNECTION);
    client.on('error', () => undefined);
    await client.connect();
    cleanUp.push(() => client.disconnect());
    return client;
  }

  /** The asset parts of one server. */
  async function server(prefix: string, inFolder = folder, markMs?: number) {
    const client = await connect();
    const holders = new RedisAssetHolders({ commands: client }, prefix, markMs);
    const logger = new RecordingLogger();
    const store = new DiskAssetStore(inFolder);
    const library = new AssetLibrary(store, holders, LIFETIME_MS, systemClock, logger);
    const blobs = new AssetBlobs(library);
    await blobs.start();
    cleanUp.push(() => blobs.stop());
    return { client, holders, library, blobs, store, logger };
  }

  const newFolder = () => mkdtemp(path.join(folder, 'of-'));

  async function filesIn(where: string): Promise<string[]> {
    const entries = await readdir(where, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  const textOf = async (library: AssetLibrary, hash: string) =>
    (await buffer(await library.open(hash))).toString();

  testAssetHolders('Redis', async () => {
    const prefix = newPrefix();
    const here = new RedisAssetHolders({ commands: await connect() }, prefix);
    const there = new RedisAssetHolders({ commands: await connect() }, prefix);
    return { here, there, stop: async () => undefined };
  });

  it('are taken after a while when a server died while it deleted one', async () => {
    const prefix = newPrefix();
    const dead = await server(prefix, folder, 3000);
    const alive = await server(prefix, folder, 3000);
    await dead.holders.take('h', 'a');
    expect(await dead.holders.release('h', 'a')).toBe(true);
    const taken = alive.holders.take('h', 'b');
    dead.client.disconnect();
    await taken;
    await dead.holders.deleted('h').catch(() => undefined);
  });

  it('are not taken while a server takes its time to delete one', async () => {
    const prefix = newPrefix();
    const slow = await server(prefix, folder, 6000);
    const other = await server(prefix);
    await slow.holders.take('h', 'a');
    await slow.holders.release('h', 'a');
    let isTaken = false;
    const taken = other.holders.take('h', 'b').then(() => {
      isTaken = true;
    });
    const [mark = ''] = await other.client.keys(`${prefix}*deleting*`);
    let leftMs = Number.POSITIVE_INFINITY;
    await eventually(async () => {
      const before = leftMs;
      leftMs = await other.client.pttl(mark);
      expect(leftMs).toBeGreaterThan(before);
    });
    expect(isTaken).toBe(false);
    await slow.holders.deleted('h');
    await taken;
  });

  it('are deleted by one whose answer was lost when it asks again', async () => {
    const { holders, client } = await server(newPrefix());
    await holders.take('h', 'a');
    // Redis knows the script from now on.
    await holders.release('i', 'a');
    vi.spyOn(client, 'evalsha').mockImplementationOnce(async (...values: unknown[]) => {
      await client.call('EVALSHA', ...values.map(String));
      throw new Error('the answer was lost');
    });
    await expect(holders.release('h', 'a')).rejects.toThrow('lost');
    expect(await holders.release('h', 'a')).toBe(true);
    await holders.deleted('h');
  });

  it('are there for jobs when the server that stored them stops', async () => {
    const prefix = newPrefix();
    const place = await newFolder();
    const [a, b] = [await server(prefix, place), await server(prefix, place)];
    const key = await a.blobs.put('job/input/image', Buffer.from('abc'));
    await a.blobs.stop();
    const found = await b.blobs.get(key, 3);
    expect((await wholeOf(found)).toString()).toBe('abc');
    const sharedKey = await b.blobs.put('job/output/0', found);
    await b.blobs.delete('job/input/image', key);
    await b.blobs.delete('job/input/image', key);
    expect(await filesIn(place)).toHaveLength(1);
    await b.blobs.delete('job/output/0', sharedKey);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('stay for the server that stored the result when another one gives up the same', async () => {
    const prefix = newPrefix();
    const place = await newFolder();
    const [a, b] = [await server(prefix, place), await server(prefix, place)];
    const [of, to] = await Promise.all(
      [a, b].map(({ blobs }) => blobs.put('job/output/0', Buffer.from('r'))),
    );
    await a.blobs.delete('job/output/0', of);
    expect(await filesIn(place)).toHaveLength(1);
    await b.blobs.delete('job/output/0', to);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('of uploads are let go of when there is a job', async () => {
    const prefix = newPrefix();
    const place = await newFolder();
    const [a, b] = [await server(prefix, place), await server(prefix, place)];
    const upload = await a.blobs.putStream(Buffer.from('abc'));
    const key = await a.blobs.put('job/input/image', upload);
    upload.release();
    await b.blobs.delete('job/input/image', key);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('are let go of by a later sweep where Redis was away', async () => {
    const place = await newFolder();
    const { blobs, library, client, logger } = await server(newPrefix(), place);
    const upload = await blobs.putStream(Buffer.from('abc'));
    client.disconnect();
    await eventually(() => expect(client.status).toBe('end'));
    upload.release();
    await eventually(() => expect(logger.lines).toMatchObject([{ message: 'Assets could not be deleted' }]));
    await client.connect();
    await library.sweep();
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('of jobs without a record are let go of by an audit, which one server makes', async () => {
    const prefix = newPrefix();
    const place = await newFolder();
    const [a, b] = [await server(prefix, place), await server(prefix, place)];
    await a.blobs.put('lost/input/image', Buffer.from('of a lost job'));
    const known = await a.blobs.put('known/input/image', Buffer.from('of a known job'));
    const upload = await a.blobs.putStream(Buffer.from('of an upload'));
    const asked: string[] = [];
    const isKnown = async (id: string) => {
      asked.push(id);
      return id === 'known';
    };
    const auditOf = ({ holders, library, logger }: typeof a, jobMs: number, temporaryMs: number) =>
      new HolderAudit({ holders, library, isKnown, isAssetKnown: async () => true }, logger, {
        intervalMs: 60_000,
        jobMs,
        temporaryMs,
      });
    const again = () => a.client.del(`${prefix}:assets:audit`);
    // Nothing is old enough.
    await auditOf(a, 3_600_000, 3_600_000).run();
    expect(asked).toEqual([]);
    await again();
    await Promise.all([auditOf(a, -2000, 3_600_000).run(), auditOf(b, -2000, 3_600_000).run()]);
    expect(asked.sort()).toEqual(['known', 'lost']);
    await eventually(async () => expect(await filesIn(place)).toHaveLength(2));
    await again();
    await auditOf(b, -2000, -2000).run();
    await eventually(async () => expect(await filesIn(place)).toHaveLength(1));
    expect(b.logger.lines).toMatchObject([{ message: 'Assets of lost jobs were released' }]);
    upload.release();
    await b.blobs.delete('known/input/image', known);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('are there as long as anybody holds them, whoever puts, holds and releases', async () => {
    const prefix = newPrefix();
    const place = await newFolder();
    const servers = [await server(prefix, place), await server(prefix, place)] as const;
    const texts = Array.from({ length: 3 }, () => randomBytes(16).toString('hex'));
    /** The held assets, by name. */
    const held = new Map<string, { hash: string; text: string }>();
    const oneOf = <T>(all: readonly T[]): T => {
      const one = all[randomInt(all.length)];
      if (one === undefined) throw new Error('there is none');
      return one;
    };
    let names = 0;
    const step = async () => {
      const { library } = oneOf(servers);
      names += 1;
      const holder = `job${names}/input/x`;
      const existing = held.size > 0 ? oneOf([...held]) : undefined;
      const what = randomInt(6);
      if (what < 2 || !existing) {
        const text = oneOf(texts);
        const { hash } = await library.put(Buffer.from(text), holder);
        expect(await textOf(oneOf(servers).library, hash)).toBe(text);
        held.set(holder, { hash, text });
        return;
      }
      const [name, { hash, text }] = existing;
      if (what === 2) {
        // Another server may release it meanwhile, and then it may be deleted.
        const isThere = await library.hold(hash, holder).then(
          () => true,
          () => false,
        );
        if (isThere) held.set(holder, { hash, text });
        else expect(held.has(name)).toBe(false);
        return;
      }
      held.delete(name);
      await Promise.all([library.release(hash, name), oneOf(servers).library.release(hash, name)]);
    };
    const actor = async () => {
      for (let n = 0; n < 60; n += 1) await step();
    };
    await Promise.all(Array.from({ length: 8 }, actor));
    const left = new Set<string>();
    for (const { hash, text } of held.values()) {
      left.add(hash);
      for (const { library } of servers) expect(await textOf(library, hash)).toBe(text);
    }
    await eventually(async () => expect((await filesIn(place)).sort()).toEqual([...left].sort()));
    for (const [name, { hash }] of held) await oneOf(servers).library.release(hash, name);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
    const [{ client }] = servers;
    await eventually(async () => expect(await client.keys(`${prefix}*`)).toEqual([]));
  });
});
