import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LimitReached, SlotLease, SlotLeases } from '../../src/services/queue/SlotLeases.js';
import { eventually } from '../support/eventually.js';

/** Slots that two servers share. */
export interface LeasesUnderTest {
  readonly leases: SlotLeases;
  readonly ofAnotherServer: SlotLeases;
  /** Kills the other server without any notification. */
  killOther(): Promise<void>;
  stop(): Promise<void>;
}

const NO_LIMIT = 1000;

function isLease(answer: SlotLease | LimitReached): answer is SlotLease {
  return typeof answer !== 'string';
}

/** Tests for every implementation of slot leases. */
export function testSlotLeases(name: string, make: () => Promise<LeasesUnderTest>): void {
  describe(`places on machines, ${name}`, () => {
    let under: LeasesUnderTest;
    let leases: SlotLeases;
    let other: SlotLeases;
    beforeEach(async () => {
      under = await make();
      leases = under.leases;
      other = under.ofAnotherServer;
    });
    afterEach(() => under.stop());

    const take = async (from: SlotLeases, host: string): Promise<SlotLease> => {
      const answer = await from.acquire(host, NO_LIMIT, NO_LIMIT);
      if (!isLease(answer)) throw new Error(answer);
      return answer;
    };

    it('are never more than the limits, whoever asks at the same time', async () => {
      const hosts = Array.from({ length: 50 }, (_, n) => `gpu-${n % 3}:8188`);
      const asked = hosts.flatMap((host) =>
        [leases, other].map(async (from) => ({ host, answer: await from.acquire(host, 3, 7) })),
      );
      const answers = await Promise.all(asked);
      const taken = answers.filter(({ answer }) => isLease(answer));
      expect(taken).toHaveLength(7);
      for (const host of new Set(hosts)) {
        expect(taken.filter((one) => one.host === host).length).toBeLessThanOrEqual(3);
      }
    });

    it('are refused with the limit that is reached, that of all before that of the host', async () => {
      await take(other, 'a:1');
      expect(await leases.acquire('a:1', 1, 2)).toBe('limit of host');
      expect(await leases.acquire('a:1', 1, 1)).toBe('limit of all');
      expect(await leases.acquire('b:1', 1, 1)).toBe('limit of all');
      expect(isLease(await leases.acquire('b:1', 1, 2))).toBe(true);
    });

    it('are refused when other servers have more than expected, however many this server has', async () => {
      const [own] = [await take(leases, 'a:1'), await take(leases, 'a:1'), await take(other, 'b:1')];
      expect(isLease(await leases.acquire('a:1', NO_LIMIT, NO_LIMIT, 0))).toBe(true);
      expect(await other.acquire('a:1', NO_LIMIT, NO_LIMIT, 2)).toBe('limit of others');
      // Without waiting for a message.
      expect(other.used().get('a:1')).toBe(3);
      expect(await other.acquire('a:1', 3, NO_LIMIT, 2)).toBe('limit of host');
      own.release();
      expect(isLease(await leases.acquire('a:1', NO_LIMIT, NO_LIMIT, 0))).toBe(true);
      expect(isLease(await other.acquire('a:1', NO_LIMIT, NO_LIMIT, 3))).toBe(true);
      expect(await leases.acquire('a:1', NO_LIMIT, NO_LIMIT, 0)).toBe('limit of others');
    });

    it('are free once they are given back, which happens once', async () => {
      const [first] = [await take(leases, 'a:1'), await take(leases, 'a:1')];
      first.release();
      first.release();
      expect(isLease(await leases.acquire('a:1', 2, 2))).toBe(true);
      expect(await leases.acquire('a:1', 2, 3)).toBe('limit of host');
    });

    it('are told to the other server when they are given back', async () => {
      const heard: string[] = [];
      other.onReleased((host) => heard.push(host));
      const [a, b] = [await take(leases, 'a:1'), await take(leases, '[::1]:8188')];
      b.release();
      await eventually(() => expect(heard).toEqual(['[::1]:8188']));
      a.release();
      await eventually(() => expect(heard).toEqual(['[::1]:8188', 'a:1']));
    });

    it('of the other servers are known by host, and its own are not among them', async () => {
      await take(leases, 'a:1');
      const held = [await take(leases, 'a:1'), await take(leases, 'b:1'), await take(other, 'b:1')];
      const known = (from: SlotLeases) => Object.fromEntries(from.used());
      await eventually(() => {
        expect(known(other)).toEqual({ 'a:1': 2, 'b:1': 1 });
        expect(known(leases)).toEqual({ 'b:1': 1 });
      });
      for (const lease of held) lease.release();
      await eventually(() => {
        expect(known(other)).toEqual({ 'a:1': 1 });
        expect(known(leases)).toEqual({});
      });
    });

    it('of a server that is gone are free when they expire, which is told; what is renewed is not', async () => {
      await take(leases, 'kept:1');
      await take(other, 'lost:1');
      await eventually(() => expect(leases.used().get('lost:1')).toBe(1));
      const heard: string[] = [];
      leases.onReleased((host) => heard.push(host));
      await under.killOther();
      expect(await leases.acquire('lost:1', 1, NO_LIMIT)).toBe('limit of host');
      await eventually(() => expect(heard).toEqual(['lost:1']));
      expect(isLease(await leases.acquire('lost:1', 1, NO_LIMIT))).toBe(true);
      // It was leased before the one that has expired.
      expect(await leases.acquire('kept:1', 1, NO_LIMIT)).toBe('limit of host');
      expect(leases.used().size).toBe(0);
    });
  });
}
