import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisClock } from '../../src/services/queue/redis/RedisClock.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const BEGIN = 1_764_000_000_000;

/** The times of a server and of Redis, both by hand, and a Redis that responds after a while. */
class Times {
  own = BEGIN;
  redis = BEGIN;
  roundTripMs = 0;
  isAvailable = true;
  change: (isAvailable: boolean) => void = () => undefined;
  readonly log = new RecordingLogger();
  readonly clock = new RedisClock({
    connection: {
      host: 'redis:6379',
      commands: { time: () => this.#time() } as never,
      onChange: (listener) => {
        this.change = listener;
        return () => undefined;
      },
    },
    own: { now: () => this.own },
    logger: this.log,
  });

  /** Lets both clocks run. */
  pass(ms: number): void {
    this.own += ms;
    this.redis += ms;
  }

  get said(): unknown[] {
    return this.log.lines.map(({ level, message, fields }) => [level, message, fields['secondsAhead']]);
  }

  async #time(): Promise<[string, string]> {
    if (!this.isAvailable) throw new Error('Connection is closed.');
    this.pass(this.roundTripMs / 2);
    const answer: [string, string] = [
      String(Math.floor(this.redis / 1000)),
      String(Math.round((this.redis % 1000) * 1000)),
    ];
    this.pass(this.roundTripMs / 2);
    return answer;
  }
}

describe('the clock of a server with Redis', () => {
  let times: Times;
  beforeEach(() => {
    vi.useFakeTimers();
    times = new Times();
  });
  afterEach(() => {
    times.clock.stop();
    vi.useRealTimers();
  });

  const minuteLater = async () => {
    times.pass(MINUTE_MS);
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
  };

  it.each([HOUR_MS, -HOUR_MS])('is right from the start if the own one is %d ms ahead', async (ahead) => {
    times.own += ahead;
    times.roundTripMs = 40;
    await times.clock.start();
    expect(times.clock.now()).toBe(times.redis);
    times.pass(1234);
    expect(times.clock.now()).toBe(times.redis);
    const warning = ['warn', 'The clock differs from that of Redis', ahead / 1000];
    expect(times.said).toEqual([warning]);
    await minuteLater();
    expect(times.said).toEqual([warning]);
  });

  it('is the own one where the difference may be due to the round trip', async () => {
    times.own += 300;
    times.roundTripMs = 700;
    await times.clock.start();
    expect(times.clock.now()).toBe(times.own);
    times.roundTripMs = 10;
    await minuteLater();
    times.pass(1000);
    expect(times.clock.now()).toBe(times.redis);
    expect(times.said).toEqual([]);
  });

  it('goes forward within a minute, as after a pause in which the own one stood still', async () => {
    await times.clock.start();
    times.redis += HOUR_MS;
    await minuteLater();
    expect(times.clock.now()).toBe(times.redis);
    expect(times.said).toEqual([['warn', 'The clock differs from that of Redis', -3600]]);
  });

  it('never goes back, but runs at half speed until it is right', async () => {
    await times.clock.start();
    times.redis -= HOUR_MS;
    const before = times.clock.now();
    await minuteLater();
    const ahead = times.clock.now() - times.redis;
    expect(times.clock.now() - before).toBe(MINUTE_MS);
    for (let n = 1; n <= 10; n += 1) {
      times.pass(1000);
      expect(times.clock.now() - times.redis).toBe(ahead - n * 500);
    }
    times.pass(2 * HOUR_MS);
    expect(times.clock.now()).toBe(times.redis);
    times.redis += HOUR_MS;
    await minuteLater();
    expect(times.clock.now()).toBe(times.redis);
    expect(times.said).toEqual([
      ['warn', 'The clock differs from that of Redis', 3600],
      ['info', 'The clock agrees with that of Redis again', undefined],
    ]);
  });

  it('goes on by itself during an outage, and is read again right after it', async () => {
    times.own -= HOUR_MS;
    await times.clock.start();
    times.isAvailable = false;
    times.change(false);
    await minuteLater();
    expect(times.clock.now()).toBe(times.redis);
    times.redis += 20_000;
    times.isAvailable = true;
    times.change(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(times.clock.now()).toBe(times.redis);
  });
});
