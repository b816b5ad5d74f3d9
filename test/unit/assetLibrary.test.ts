import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
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

/** A store whose deletions take as long as a test wants them to, or fail. */
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
  library = new AssetLibrary(store, LIFETIME_MS, clock, logger);
});
afterEach(async () => {
  store.letGo();
  await library.stop();
});

const put = (text = 'abc') => library.put(Buffer.from(text));
const textOf = async (hash: string) => (await buffer(await library.open(hash))).toString();
const count = async () => (await allOf(store)).length;

describe('an asset', () => {
  it('is there as long as anybody holds it', async () => {
    const { hash } = await put();
    expect(await put()).toEqual({ hash, sizeBytes: 3, isNew: false });
    expect(await library.hold(hash)).toMatchObject({ hash, sizeBytes: 3 });
    for (let left = 3; left > 0; left -= 1) {
      expect(await textOf(hash)).toBe('abc');
      library.release(hash);
    }
    await eventually(async () => expect(await count()).toBe(0));
    library.release(hash);
    await expect(library.open(hash)).rejects.toThrow('There is no asset');
  });

  it('cannot be held when it is not there', async () => {
    const { hash } = await put();
    library.release(hash);
    await expect(library.hold(hash)).rejects.toMatchObject({ problem: 'not_found' });
    await expect(library.hold('../x')).rejects.toMatchObject({ problem: 'not_found' });
  });

  it('stays when it is put again while it is being deleted', async () => {
    const { hash } = await put();
    store.isHolding = true;
    library.release(hash);
    const again = put();
    const heldAgain = library.hold(hash).catch(() => 'gone before it was held');
    store.letGo();
    await again;
    expect(await textOf(hash)).toBe('abc');
    await heldAgain;
    expect(await textOf(hash)).toBe('abc');
  });

  it('is deleted only once when it is put and let go of while it is being deleted', async () => {
    const { hash } = await put();
    store.isHolding = true;
    library.release(hash);
    const again = put().then((stored) => library.release(stored.hash));
    store.letGo();
    await again;
    await eventually(async () => expect(await count()).toBe(0));
    expect(store.deletions).toBe(2);
  });

  it('is held by nobody when its source fails', async () => {
    const source = Readable.from([Buffer.from('abc')]);
    await expect(library.put(source, { maxBytes: 2 })).rejects.toMatchObject({ problem: 'too_large' });
    await expect(library.put(Buffer.from('abc'), { expectedHash: 'ff' })).rejects.toMatchObject({
      problem: 'hash_mismatch',
    });
    expect(await count()).toBe(0);
  });

  it('is deleted later when it cannot be deleted now, which is logged once', async () => {
    const { hash } = await put();
    store.failure = new Error('the disk is read-only');
    library.release(hash);
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
