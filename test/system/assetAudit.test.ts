import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HolderAudit } from '../../src/services/assets/HolderAudit.js';
import { type AssetServer, AssetSite, filesIn } from '../support/AssetSite.js';
import { eventually } from '../support/eventually.js';
import { requireRedis } from '../support/RedisServer.js';

const MINUTE = 60_000;

describe.runIf(requireRedis())('assets that servers share', () => {
  let site: AssetSite;
  beforeAll(async () => {
    site = await AssetSite.open();
  });
  afterAll(() => site.close());

  async function two(): Promise<{ place: string; a: AssetServer; b: AssetServer }> {
    const prefix = site.newPrefix();
    const place = await site.newFolder();
    return { place, a: await site.server(prefix, place), b: await site.server(prefix, place) };
  }

  /** An audit by a server, for which nothing is lost by default. */
  function auditOf(
    { holders, library, blobs: { processId }, logger }: AssetServer,
    { isKnown = async (_id: string) => true, jobMs = 60 * MINUTE, silentMs = 60 * MINUTE, signMs = MINUTE },
  ): HolderAudit {
    const parts = { holders, library, processId, isKnown, isAssetKnown: async () => true };
    return new HolderAudit(parts, logger, { intervalMs: MINUTE, jobMs, signMs, silentMs });
  }

  /** Ends the interval between audits. */
  const nextAudit = ({ client, prefix }: AssetServer) => client.del(`${prefix}:assets:audit`);

  it('of jobs without a record are let go of by an audit, which one server makes', async () => {
    const { place, a, b } = await two();
    await a.blobs.put('lost/input/image', Buffer.from('of a lost job'));
    const known = await a.blobs.put('known/input/image', Buffer.from('of a known job'));
    const upload = await a.blobs.putStream(Buffer.from('of an upload'));
    const asked: string[] = [];
    const isKnown = async (id: string) => {
      asked.push(id);
      return id === 'known';
    };
    // Nothing is old enough.
    await auditOf(a, { isKnown }).run();
    expect(asked).toEqual([]);
    await nextAudit(a);
    const old = { isKnown, jobMs: -2000 };
    await Promise.all([auditOf(a, old).run(), auditOf(b, old).run()]);
    expect(asked.sort()).toEqual(['known', 'lost']);
    await eventually(async () => expect(await filesIn(place)).toHaveLength(2));
    await nextAudit(a);
    await auditOf(b, { ...old, silentMs: 0 }).run();
    await eventually(async () => expect(await filesIn(place)).toHaveLength(1));
    expect(b.logger.lines).toMatchObject([{ message: 'Assets of lost jobs were released' }]);
    upload.release();
    await b.blobs.delete('known/input/image', known);
    await eventually(async () => expect(await filesIn(place)).toEqual([]));
  });

  describe('held by a process', () => {
    /** Changes the times of all holds, or of the signs of life of all processes. */
    async function makeOlder({ client, prefix }: AssetServer, name: 'holders' | 'processes', ms: number) {
      const key = `${prefix}:assets:${name}`;
      const members = await client.zrange(key, '0', '-1');
      expect(members).not.toEqual([]);
      for (const member of members) await client.zincrby(key, String(-ms), member);
    }

    it('stay as long as it gives signs of life, however long ago they were uploaded', async () => {
      const { place, a, b } = await two();
      const upload = await a.blobs.putStream(Buffer.from('abc'));
      await a.holders.giveSign(a.blobs.processId);
      await makeOlder(a, 'holders', 1000 * MINUTE);
      await makeOlder(a, 'processes', MINUTE);
      await auditOf(b, { silentMs: 2 * MINUTE }).run();
      expect(await filesIn(place)).toHaveLength(1);
      await makeOlder(a, 'processes', 10 * MINUTE);
      await a.holders.giveSign(a.blobs.processId);
      await nextAudit(b);
      await auditOf(b, { silentMs: 2 * MINUTE }).run();
      expect(await filesIn(place)).toHaveLength(1);
      expect(b.logger.lines).toEqual([]);
      upload.release();
      await eventually(async () => expect(await filesIn(place)).toEqual([]));
    });

    it('are kept by signs that it gives when it starts, and then regularly', async () => {
      const { a, b } = await two();
      const audit = auditOf(a, { signMs: 20 });
      audit.start();
      const key = `${a.prefix}:assets:processes`;
      const lastSign = () => b.client.zscore(key, a.blobs.processId);
      await eventually(async () => expect(await lastSign()).not.toBeNull());
      const first = Number(await lastSign());
      await eventually(async () => expect(Number(await lastSign())).toBeGreaterThan(first));
      await audit.stop();
    });

    it('are released when it has been silent for long enough, even if it never gave a sign', async () => {
      const { place, a, b } = await two();
      await a.blobs.putStream(Buffer.from('abc'));
      const times = { silentMs: 2 * MINUTE };
      await auditOf(b, times).run();
      expect(await filesIn(place)).toHaveLength(1);
      await makeOlder(a, 'processes', 3 * MINUTE);
      await nextAudit(b);
      await auditOf(b, times).run();
      await eventually(async () => expect(await filesIn(place)).toEqual([]));
      expect(b.logger.lines).toMatchObject([{ message: 'Assets of lost jobs were released' }]);
      expect(await b.client.exists(`${b.prefix}:assets:processes`)).toBe(1);
      await makeOlder(a, 'processes', 2 * MINUTE);
      await nextAudit(b);
      await auditOf(b, times).run();
      expect(await b.client.exists(`${b.prefix}:assets:processes`)).toBe(0);
    });

    it('are never released by its own audit', async () => {
      const { place, a } = await two();
      const upload = await a.blobs.putStream(Buffer.from('abc'));
      await auditOf(a, { silentMs: 0 }).run();
      expect(await filesIn(place)).toHaveLength(1);
      upload.release();
    });

    it('are released when it stops', async () => {
      const { place, a, b } = await two();
      const upload = await a.blobs.putStream(Buffer.from('abc'));
      const other = await a.blobs.hold(upload);
      expect(other?.sizeBytes).toBe(3);
      const key = await a.blobs.put('job/input/image', Buffer.from('of a job'));
      await a.blobs.stop();
      await eventually(async () => expect(await filesIn(place)).toHaveLength(1));
      await b.blobs.delete('job/input/image', key);
      await eventually(async () => expect(await filesIn(place)).toEqual([]));
    });
  });
});
