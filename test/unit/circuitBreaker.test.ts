import { beforeEach, describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../src/services/instances/circuitBreaker.js';

let now = 0;
let breaker: CircuitBreaker;

beforeEach(() => {
  now = 1_000_000;
  const options = { failureThreshold: 3, resetTimeoutMs: 1000, maxResetTimeoutMs: 3000 };
  breaker = new CircuitBreaker(options, { now: () => now });
});

function fail(times: number): void {
  for (let n = 0; n < times; n += 1) breaker.recordFailure();
}

/** Lets the reset time pass and fails the probe. */
function failProbe(): void {
  now += breaker.msUntilProbe;
  expect(breaker.tryPass()).toBe(true);
  breaker.recordFailure();
}

describe('a circuit breaker', () => {
  it('opens after so many failures in a row', () => {
    fail(2);
    expect([breaker.state, breaker.tryPass()]).toEqual(['CLOSED', true]);
    fail(1);
    expect([breaker.state, breaker.tryPass(), breaker.msUntilProbe]).toEqual(['OPEN', false, 1000]);
  });

  it('forgets failures after a success', () => {
    fail(2);
    breaker.recordSuccess();
    fail(2);
    expect(breaker.state).toBe('CLOSED');
    expect(breaker.snapshot).toMatchObject({ state: 'CLOSED', failures: 2, errorRate: 0.8 });
  });

  it('lets one probe through when its reset time is over, and closes when that goes well', () => {
    fail(3);
    now += 999;
    expect(breaker.tryPass()).toBe(false);
    now += 1;
    expect(breaker.tryPass()).toBe(true);
    expect(breaker.state).toBe('HALF_OPEN');
    expect(breaker.tryPass()).toBe(false);
    breaker.recordSuccess();
    expect([breaker.state, breaker.snapshot.failures]).toEqual(['CLOSED', 0]);
  });

  it('allows a probe again that could not be made, as if nothing had happened', () => {
    fail(3);
    now += 1000;
    breaker.tryPass();
    const before = { ...breaker.snapshot, state: 'OPEN', nextAttemptTime: now };
    breaker.returnProbe();
    expect(breaker.snapshot).toEqual(before);
    expect(breaker.tryPass()).toBe(true);
  });

  it('waits longer each time a probe fails, up to a limit, and starts anew once closed', () => {
    fail(3);
    const waits = [breaker.msUntilProbe];
    for (let n = 0; n < 3; n += 1) {
      failProbe();
      waits.push(breaker.msUntilProbe);
    }
    expect(waits).toEqual([1000, 2000, 3000, 3000]);
    now += 3000;
    breaker.tryPass();
    breaker.recordSuccess();
    fail(3);
    expect(breaker.msUntilProbe).toBe(1000);
  });

  it('is not closed by a late success of something begun before it opened', () => {
    fail(3);
    breaker.recordSuccess();
    expect(breaker.state).toBe('OPEN');
  });

  it('is not kept open longer by late failures', () => {
    fail(3);
    now += 500;
    fail(5);
    expect(breaker.msUntilProbe).toBe(500);
  });

  it('tells since when it is open, which a failed probe does not change', () => {
    expect(breaker.snapshot.openSince).toBeNull();
    fail(3);
    const since = now;
    failProbe();
    expect(breaker.snapshot.openSince).toBe(since);
    now += 5000;
    breaker.forceOpen();
    expect(breaker.snapshot.openSince).toBe(now);
    now += 5000;
    breaker.forceOpen();
    expect(breaker.snapshot.openSince).toBe(now - 5000);
    breaker.close();
    expect(breaker.snapshot.openSince).toBeNull();
  });

  it('opened by hand stays open, whatever happens, until it is closed by hand', () => {
    breaker.forceOpen();
    now += 1_000_000;
    breaker.recordSuccess();
    fail(1);
    expect([breaker.tryPass(), breaker.isForced, breaker.snapshot.nextAttemptTime]).toEqual([
      false,
      true,
      null,
    ]);
    expect(breaker.snapshot).toMatchObject({
      state: 'OPEN',
      forced: true,
      successCount: 1,
      totalRequests: 2,
    });
    breaker.close();
    expect([breaker.state, breaker.isForced, breaker.snapshot.failures]).toEqual(['CLOSED', false, 0]);
  });
});
