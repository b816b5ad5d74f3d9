import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
import { MemoryAssetHolders } from '../../src/services/assets/MemoryAssetHolders.js';
import { MemoryAssetStore } from '../../src/services/assets/MemoryAssetStore.js';
import type { Clock } from '../../src/utils/clock.js';
import { allOf } from '../contracts/assetStore.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

const LIFETIME_MS = 60_000;

class HandClock implements Clock {
  time = 1_000_000;

  now(): number {
    return this.time;
  }
}

/** A store whose deletions can be delayed by a test, or fail. */
class SlowStore extends MemoryAssetStore {
  readonly waiting: (() => void)[] = [];
  isHolding = false;
  failure: Error | undefined;
  deletions = 0;

  override async delete(hash: string): Promise<void> {
    this.deletions += 1;
    if (this.isHolding) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.failure) throw this.failure;
    await super.delete(hash);
  }

  letGo(): void {
    this.isHolding = false;
    for (const go of this.waiting.splice(0)) go();
  }
}

let clock: HandClock;
let store: SlowStore;
let logger: RecordingLogger;
let library: AssetLibrary;
beforeEach(() => {
  clock = new HandClock();
  store = new SlowStore(clock);
  logger = new RecordingLogger();
  library = new AssetLibrary(store, new MemoryAssetHolders(), LIFETIME_MS, clock, logger);
});
afterEach(async () => {
  store.letGo();
  await library.stop();
});

const put = (text = 'abc', holder = 'a') => library.put(Buffer.from(text), holder);
const release = (hash: string, holder = 'a') => library.release(hash, holder);
const textOf = async (hash: string) => (await buffer(await library.open(hash))).toString();
const count = async () => (await allOf(store)).length;

describe('an asset', () => {
  it('is there as long as anybody holds it', async () => {
    const { hash } = await put();
    expect(await put('abc', 'b')).toEqual({ hash, sizeBytes: 3 });
    expect(await library.hold(hash, 'c')).toMatchObject({ hash, sizeBytes: 3 });
    for (const holder of ['a', 'b', 'c']) {
      expect(await textOf(hash)).toBe('abc');
      void release(hash, holder);
      // A holder releases an asset once, however often it is called.
      void release(hash, holder);
    }
    await eventually(async () => expect(await count()).toBe(0));
    void release(hash);
    await expect(library.open(hash)).rejects.toThrow('There is no asset');
  });

  it('cannot be held when it is not there', async () => {
    const { hash } = await put();
    void release(hash);
    await expect(library.hold(hash, 'b')).rejects.toMatchObject({ problem: 'not_found' });
    await expect(library.hold('../x', 'b')).rejects.toMatchObject({ problem: 'not_found' });
  });

  it('stays when it is put again while it is being deleted', async () => {
    const { hash } = await put();
    store.isHolding = true;
    void release(hash);
    const again = put('abc', 'b');
    const heldAgain = library.hold(hash, 'c').catch(() => 'gone before it was held');
    store.letGo();
    await again;
    expect(await textOf(hash)).toBe('abc');
    await heldAgain;
    expect(await textOf(hash)).toBe('abc');
  });

  it('is deleted only once when it is put and let go of while it is being deleted', async () => {
    const { hash } = await put();
    store.isHolding = true;
    void release(hash);
    const again = put('abc', 'b').then((stored) => release(stored.hash, 'b'));
    store.letGo();
    await again;
    await eventually(async () => expect(await count()).toBe(0));
    expect(store.deletions).toBe(2);
  });

  it('is held by nobody when its source fails', async () => {
    const source = Readable.from([Buffer.from('abc')]);
    await expect(library.put(source, 'a', { maxBytes: 2 })).rejects.toMatchObject({ problem: 'too_large' });
    await expect(library.put(Buffer.from('abc'), 'a', { expectedHash: 'ff' })).rejects.toMatchObject({
      problem: 'hash_mismatch',
    });
    expect(await count()).toBe(0);
  });

  it('is deleted later when it cannot be deleted now, which is logged once', async () => {
    const { hash } = await put();
    store.failure = new Error('the disk is read-only');
    void release(hash);
    await library.sweep();
    await library.sweep();
    expect(await count()).toBe(1);
    expect(logger.lines.map(({ message }) => message)).toEqual(['Assets could not be deleted']);
    store.failure = undefined;
    await library.sweep();
    expect(await count()).toBe(0);
  });
});

describe('a sweep', () => {
  it('deletes what nobody holds once its lifetime is over', async () => {
    await store.put(Buffer.from('of a process that died'));
    const { hash } = await put('held');
    clock.time += LIFETIME_MS - 1;
    await library.sweep();
    expect(await count()).toBe(2);
    clock.time += 1;
    await library.sweep();
    expect((await allOf(store)).map((info) => info.hash)).toEqual([hash]);
  });

  it('is made at the start', async () => {
    await store.put(Buffer.from('of a process that died'));
    clock.time += LIFETIME_MS;
    await library.start();
    await eventually(async () => expect(await count()).toBe(0));
  });

  it('does not end the server when the store fails', async () => {
    store.removeUnfinished = () => Promise.reject(new Error('no such bucket'));
    await library.sweep();
    expect(logger.lines).toMatchObject([{ message: 'Assets could not be deleted' }]);
  });
});
