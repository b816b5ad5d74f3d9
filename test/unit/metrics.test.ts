import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DurationHistogram } from '../../src/services/metrics/DurationHistogram.js';
import { Recorder } from '../../src/services/metrics/Recorder.js';
import { Summary } from '../../src/services/metrics/Summary.js';
import { TimeWindows } from '../../src/services/metrics/TimeWindows.js';
import { type Logger, silentLogger } from '../../src/utils/logger.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('the histogram of durations', () => {
  it('is right to 0.1 % from microseconds to hours', () => {
    for (const ms of [0.05, 1, 37.5, 999.9, 12_345.6, 299_999, 4 * HOUR]) {
      const histogram = new DurationHistogram();
      histogram.record(ms);
      histogram.record(ms * 2);
      expect(Math.abs((histogram.percentile(50) ?? 0) - ms)).toBeLessThanOrEqual(ms * 0.001 + 0.001);
      expect([histogram.min, histogram.max, histogram.average]).toEqual([ms, ms * 2, ms * 1.5]);
    }
  });

  it('agrees with the numbers themselves, also after it was saved and restored', () => {
    const histogram = new DurationHistogram();
    const values = Array.from({ length: 10_000 }, (_, n) => 5 + ((n * 7919) % 10_000) * 3);
    for (const value of values) histogram.record(value);
    const sorted = values.sort((a, b) => a - b);
    for (const one of [histogram, DurationHistogram.fromState(histogram.toState())]) {
      expect(one.count).toBe(10_000);
      for (const percent of [50, 95, 99]) {
        const exact = sorted[percent * 100 - 1] ?? 0;
        expect(Math.abs((one.percentile(percent) ?? 0) - exact)).toBeLessThanOrEqual(exact * 0.001 + 0.001);
      }
    }
  });

  it('has null for everything while it is empty, and takes no negative duration', () => {
    const histogram = new DurationHistogram();
    expect([histogram.average, histogram.percentile(95), histogram.min, histogram.max]).toEqual(
      Array(4).fill(null),
    );
    histogram.record(-5);
    expect([histogram.count, histogram.min, histogram.percentile(50)]).toEqual([1, 0, 0]);
  });
});

describe('the time windows', () => {
  it('forget what is older than a day, however much there was', () => {
    const windows = new TimeWindows();
    for (let minute = 0; minute < 3 * 24 * 60; minute += 1) {
      windows.record(minute * MINUTE, 't', 'completed', 100);
    }
    const now = 3 * 24 * HOUR - MINUTE;
    expect(windows.toState().length).toBe(24 * 60);
    expect(windows.last(now, 24 * 60).completed).toBe(24 * 60);
    expect(windows.last(now, 60)).toEqual({ completed: 60, failed: 0, averageProcessingMs: 100 });
    expect(windows.last(now, 60, 'another').completed).toBe(0);
    expect(windows.last(now + 25 * HOUR, 24 * 60).completed).toBe(0);
  });

  it('count what ends after the clock was set back to the newest minute', () => {
    const windows = new TimeWindows();
    windows.record(10 * HOUR, 't', 'failed', 0);
    windows.record(9 * HOUR, 't', 'failed', 0);
    expect(windows.toState()).toHaveLength(1);
    expect(windows.last(10 * HOUR, 60).failed).toBe(2);
  });
});

describe('the summary', () => {
  const lines: Array<[string, unknown]> = [];
  const logger: Logger = { ...silentLogger, info: (message, fields) => lines.push([message, fields]) };

  beforeEach(() => {
    lines.length = 0;
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is one line a minute while anything happens, and none while nothing does', async () => {
    const recorder = new Recorder({ now: () => Date.now() });
    const queue = { jobs: 0, bytes: 0 };
    const processor = { activeJobs: 0 };
    const parts = {
      recorder,
      manager: { figures: { waiting: async () => queue } },
      processor,
      balancer: { healthyCount: 1, instances: [{}] },
    };
    const summary = new Summary(parts as unknown as ConstructorParameters<typeof Summary>[0], logger);
    summary.start();
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(lines).toEqual([]);
    recorder.all.record({ outcome: 'completed', type: 't', category: undefined, processingMs: 5 });
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(lines).toEqual([
      [
        'Last minute',
        {
          completed: 1,
          failed: 0,
          cancelled: 0,
          activeJobs: 0,
          pendingJobs: 0,
          pendingBytes: 0,
          healthyInstances: 1,
          totalInstances: 1,
        },
      ],
    ]);
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(lines).toHaveLength(1);
    queue.jobs = 3;
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(lines).toHaveLength(3);
    summary.stop();
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(lines).toHaveLength(3);
  });
});
