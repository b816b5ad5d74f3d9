import { afterEach, beforeEach, expect, it } from 'vitest';
import { FleetComparison } from '../../src/services/jobs/FleetComparison.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

const TIMINGS = { lookMs: 10, settleMs: 100, logAfterMs: 200 };

let logger: RecordingLogger;
/** Hosts that this server knows, and those that the others tell; undefined while the store is away. */
let own: string[];
let others: string[] | undefined;
let comparison: FleetComparison;

beforeEach(() => {
  logger = new RecordingLogger();
  own = ['a:1'];
  others = [];
  const known = {
    tell: async (hosts: readonly string[]) => {
      if (!others) throw new Error('the store is away');
      return new Set([...hosts, ...others]);
    },
  };
  comparison = new FleetComparison({ hosts: () => own, known }, logger, TIMINGS);
});
afterEach(() => comparison.stop());

const warnings = () => logger.lines.filter(({ level }) => level === 'warn');

it('a single server knows all machines', async () => {
  const single = new FleetComparison({ hosts: () => own, known: undefined }, logger, TIMINGS);
  expect(single.isComplete).toBe(true);
  await single.start();
  expect(await single.compare()).toBe(true);
});

it('a server waits for what the others tell before it knows all machines', async () => {
  await comparison.start();
  expect(comparison.isComplete).toBe(false);
  await eventually(() => expect(comparison.isComplete).toBe(true));
});

it('a machine of another server counts at once, and is named in the log if that lasts', async () => {
  let completions = 0;
  comparison.onComplete(() => {
    completions += 1;
  });
  await comparison.start();
  await eventually(() => expect(completions).toBe(1));
  others = ['a:1', 'b:2'];
  expect(await comparison.compare()).toBe(false);
  expect(warnings()).toEqual([]);
  await eventually(() =>
    expect(warnings()).toMatchObject([
      {
        message: 'Other servers have machines that this server does not know',
        fields: { instances: ['b:2'] },
      },
    ]),
  );
  own.push('b:2');
  expect(await comparison.compare()).toBe(true);
  expect(completions).toBe(2);
  expect(warnings()).toHaveLength(1);
});

it('a server that could not compare for a while waits again for what the others tell', async () => {
  await comparison.start();
  await eventually(() => expect(comparison.isComplete).toBe(true));
  others = undefined;
  expect(await comparison.compare()).toBe(false);
  others = [];
  expect(await comparison.compare()).toBe(false);
  await eventually(() => expect(comparison.isComplete).toBe(true));
});
