import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IdempotencyStore } from '../../src/services/queue/IdempotencyStore.js';

/** An empty store as seen by two servers. */
export interface KeysUnderTest {
  readonly store: IdempotencyStore;
  /** The same object if the implementation is in one process. */
  readonly ofAnotherServer: IdempotencyStore;
  stop(): Promise<void>;
}

/** Tests for every store of idempotency keys. */
export function testIdempotencyStore(name: string, make: () => Promise<KeysUnderTest>): void {
  describe(`idempotency keys in ${name}`, () => {
    let under: KeysUnderTest;
    let store: IdempotencyStore;
    let other: IdempotencyStore;
    beforeEach(async () => {
      under = await make();
      store = under.store;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    it('are new once, then in progress, then stand for their job', async () => {
      expect(await store.claim('k', 'f')).toEqual({ state: 'new' });
      expect(await other.claim('k', 'f')).toEqual({ state: 'in progress' });
      expect(await other.claim('l', 'f')).toEqual({ state: 'new' });
      await store.keep('k', 'a');
      expect(await other.claim('k', 'f')).toEqual({ state: 'made', jobId: 'a' });
      expect(await store.claim('k', 'f')).toEqual({ state: 'made', jobId: 'a' });
    });

    it('are new to one of all who claim them in the same moment', async () => {
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? store : other).claim('k', 'f')),
      );
      expect(claims.filter(({ state }) => state === 'new')).toHaveLength(1);
      expect(claims.filter(({ state }) => state === 'in progress')).toHaveLength(19);
    });

    it('stand for one request, while its job is made and after that', async () => {
      await store.claim('k', 'f');
      expect(await other.claim('k', 'g')).toEqual({ state: 'other request' });
      await store.keep('k', 'a');
      expect(await other.claim('k', 'g')).toEqual({ state: 'other request' });
    });

    it('tell of a job that may have been made, to the same request alone', async () => {
      await store.claim('k', 'f');
      await store.intend('k', 'a');
      expect(await other.claim('k', 'f')).toEqual({ state: 'in progress' });
      await store.abandon('k');
      expect(await other.claim('k', 'f')).toEqual({ state: 'new', jobId: 'a' });
      await other.abandon('k');
      expect(await store.claim('k', 'g')).toEqual({ state: 'new' });
      await store.release('k');
      expect(await other.claim('k', 'f')).toEqual({ state: 'new' });
      await other.intend('k', 'b');
      await other.keep('k', 'c');
      await store.forget('c');
      expect(await store.claim('k', 'f')).toEqual({ state: 'new' });
    });

    it('are new again when no job was made, and when it is gone', async () => {
      await store.claim('k', 'f');
      await store.release('k');
      expect(await other.claim('k', 'g')).toEqual({ state: 'new' });
      await other.keep('k', 'a');
      await store.forget('nobody');
      expect(await store.claim('k', 'g')).toEqual({ state: 'made', jobId: 'a' });
      await store.forget('a');
      expect(await store.claim('k', 'f')).toEqual({ state: 'new' });
    });
  });
}
