import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CostlyLook } from '../../src/utils/CostlyLook.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A look that takes some time and finds one more each time, from 0. */
function slowCount(ms: number): () => number {
  let count = -1;
  return () => {
    vi.advanceTimersByTime(ms);
    count += 1;
    return count;
  };
}

describe('a costly look', () => {
  it('is reused for twenty times as long as it took', () => {
    const look = new CostlyLook(slowCount(10));
    expect(look.get()).toBe(0);
    vi.advanceTimersByTime(199);
    expect(look.get()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(look.get()).toBe(1);
  });

  it('is reused for two seconds at most if the process was paused meanwhile', () => {
    const look = new CostlyLook(slowCount(25_000));
    expect(look.get()).toBe(0);
    vi.advanceTimersByTime(2000);
    expect(look.get()).toBe(1);
  });

  it('is not reused if what it found was cheap to find, however long that took', () => {
    const look = new CostlyLook(slowCount(10), (found) => found === 0);
    expect(look.get()).toBe(0);
    expect(look.get()).toBe(1);
    expect(look.get()).toBe(1);
  });
});
