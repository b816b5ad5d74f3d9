import { randomBytes, randomInt } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
import { RedisAssetHolders } from '../../src/services/assets/redis/RedisAssetHolders.js';
import { wholeOf } from '../../src/utils/StoredFile.js';
import { testAssetHolders } from '../contracts/assetHolders.js';
import { AssetSite, filesIn } from '../support/AssetSite.js';
import { eventually } from '../support/eventually.js';
import { requireRedis } from '../support/RedisServer.js';

describe.runIf(requireRedis())('assets that servers share', () => {
  let site: AssetSite;
  let folder: string;
  beforeAll(async () => {
    site = await AssetSite.open();
    folder = site.folder;
  });
  afterAll(() => site.close());

  const server = (...how: Parameters<AssetSite['server']>) => site.server(...how);

  const textOf = async (library: AssetLibrary, hash: string) =>
    (await buffer(await library.open(hash))).toString();

  testAssetHolders('Redis', async () => {
    const prefix = site.newPrefix();
    const here = new RedisAssetHolders({ commands: await site.connect() }, prefix);
    const there = new RedisAssetHolders({ commands: await site.connect() }, prefix);
    return { here, there, stop: async () => undefined };
  });

  it('are taken after a while when a server died while it deleted one', async () => {
    const prefix = site.newPrefix();
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
    const prefix = site.newPrefix();
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
    const { holders, client } = await server(site.newPrefix());
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
    const prefix = site.newPrefix();
    const place = await site.newFolder();
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
    const prefix = site.newPrefix();
    const place = await site.newFolder();
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
    const prefix = site.newPrefix();
    const place = await site.newFolder();
    const [a, b] = [await server(prefix, place), await server(prefix, place)];
    const upload = await a.blobs.putStream(Buffer.from('abc'));
    const key = await a.blobs.put('job/input/image', upload);
    upload.release();
    await b.blobs.delete('job/input/image', key);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('are let go of by a later sweep where Redis was away', async () => {
    const place = await site.newFolder();
    const { blobs, library, client, logger } = await server(site.newPrefix(), place);
    const upload = await blobs.putStream(Buffer.from('abc'));
    client.disconnect();
    await eventually(() => expect(client.status).toBe('end'));
    upload.release();
    await eventually(() => expect(logger.lines).toMatchObject([{ message: 'Assets could not be deleted' }]));
    await client.connect();
    await library.sweep();
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  it('are there as long as anybody holds them, whoever puts, holds and releases', async () => {
    const prefix = site.newPrefix();
    const place = await site.newFolder();
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
