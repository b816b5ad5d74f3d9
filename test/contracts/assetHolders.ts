import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AssetHolders } from '../../src/services/assets/AssetHolders.js';
import { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
import { MemoryAssetStore } from '../../src/services/assets/MemoryAssetStore.js';
import { systemClock } from '../../src/utils/clock.js';
import { silentLogger } from '../../src/utils/logger.js';
import { allOf } from './assetStore.js';

/** Holders as seen by two servers; the same object if the implementation is in one process. */
export interface HoldersUnderTest {
  readonly here: AssetHolders;
  readonly there: AssetHolders;
  stop(): Promise<void>;
}

/** A store whose deletions wait until the test continues them. */
class HesitantStore extends MemoryAssetStore {
  #begun = () => {};
  #goOn = () => {};
  /** Resolves when a deletion has started. */
  readonly deleting = new Promise<void>((resolve) => {
    this.#begun = resolve;
  });
  readonly #going = new Promise<void>((resolve) => {
    this.#goOn = resolve;
  });

  override async delete(hash: string): Promise<void> {
    this.#begun();
    await this.#going;
    await super.delete(hash);
  }

  goOn(): void {
    this.#goOn();
  }
}

/** Tests for every implementation of asset holders. */
export function testAssetHolders(name: string, make: () => Promise<HoldersUnderTest>): void {
  describe(`holders of assets in ${name}`, () => {
    let under: HoldersUnderTest;
    let here: AssetHolders;
    let there: AssetHolders;
    let hash: string;
    beforeEach(async () => {
      under = await make();
      ({ here, there } = under);
      hash = randomBytes(32).toString('hex');
    });
    afterEach(() => under.stop());

    /** Whether `work` resolves before a call that starts after it. */
    async function isOver(work: Promise<unknown>): Promise<boolean> {
      let isSettled = false;
      void work.then(() => {
        isSettled = true;
      });
      const other = randomBytes(32).toString('hex');
      await there.take(other, 'x');
      await there.release(other, 'x');
      await there.deleted(other);
      return isSettled;
    }

    it('tell the last one who lets go to delete the bytes', async () => {
      await here.take(hash, 'a');
      await there.take(hash, 'b');
      expect(await here.release(hash, 'a')).toBe(false);
      expect(await there.release(hash, 'b')).toBe(true);
      await there.deleted(hash);
    });

    it('count a name once, however often it takes', async () => {
      await here.take(hash, 'a');
      await there.take(hash, 'a');
      expect(await here.release(hash, 'a')).toBe(true);
      await here.deleted(hash);
    });

    it('let a name go once, however often and on whichever server it lets go', async () => {
      await here.take(hash, 'a');
      await here.take(hash, 'b');
      const first = await Promise.all([here, there, here].map((one) => one.release(hash, 'a')));
      expect(first).toEqual([false, false, false]);
      const last = await Promise.all([here, there, here].map((one) => one.release(hash, 'b')));
      expect(last).toEqual([true, false, false]);
      await here.deleted(hash);
      expect(await there.release(hash, 'b')).toBe(false);
    });

    it('let a name go that another server took', async () => {
      await here.take(hash, 'a');
      expect(await there.release(hash, 'a')).toBe(true);
      await there.deleted(hash);
    });

    it('share what another server put, and nothing that nobody holds', async () => {
      await expect(there.share(hash, 'b')).rejects.toMatchObject({ problem: 'not_found' });
      await here.take(hash, 'a');
      await there.share(hash, 'b');
      expect(await here.release(hash, 'a')).toBe(false);
      expect(await here.release(hash, 'b')).toBe(true);
      await expect(there.share(hash, 'b')).rejects.toMatchObject({ problem: 'not_found' });
      await here.deleted(hash);
    });

    it('let whoever takes wait until the bytes are deleted', async () => {
      await here.take(hash, 'a');
      await here.release(hash, 'a');
      const taken = [here.take(hash, 'b'), there.take(hash, 'c')];
      expect(await isOver(Promise.race(taken))).toBe(false);
      await here.deleted(hash);
      await Promise.all(taken);
      expect(await here.release(hash, 'c')).toBe(false);
      expect(await there.release(hash, 'b')).toBe(true);
      await there.deleted(hash);
    });

    it('begin no second deletion for one who took and lets go during the first', async () => {
      await here.take(hash, 'a');
      await here.release(hash, 'a');
      const taken = there.take(hash, 'b');
      expect(await there.release(hash, 'b')).toBe(false);
      expect(await there.claim(hash)).toBe(false);
      await here.deleted(hash);
      await taken;
    });

    it('give what nobody holds to one who asks for it', async () => {
      await here.take(hash, 'a');
      expect(await there.claim(hash)).toBe(false);
      await here.release(hash, 'a');
      await here.deleted(hash);
      const given = await Promise.all([here.claim(hash), there.claim(hash)]);
      expect(given.filter(Boolean)).toHaveLength(1);
      const owner = given[0] ? here : there;
      const taken = there.take(hash, 'b');
      expect(await isOver(taken)).toBe(false);
      await owner.deleted(hash);
      await taken;
    });

    it('keep the bytes that one server puts while another deletes the same', async () => {
      const store = new HesitantStore(systemClock);
      const libraryOf = (holders: AssetHolders) =>
        new AssetLibrary(store, holders, 60_000, systemClock, silentLogger);
      const [first, second] = [libraryOf(here), libraryOf(there)];
      const content = randomBytes(32);
      const { hash: same } = await first.put(content, 'a');
      await first.release(same, 'a');
      await store.deleting;
      const putAgain = second.put(content, 'b');
      expect(await isOver(putAgain)).toBe(false);
      store.goOn();
      await putAgain;
      expect(await buffer(await first.open(same))).toEqual(content);
      await first.release(same, 'b');
      await first.stop();
      expect(await allOf(store)).toEqual([]);
    });
  });
}
