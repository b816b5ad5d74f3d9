import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { Fleet } from '../../support/fleet.js';
import { QueueBackend, type QueueKind } from '../../support/QueueKind.js';
import { requireRedis } from '../../support/RedisServer.js';
import { Random } from '../../support/random.js';
import { CELL_ENV, CELL_WORK_MS, runCell } from './cell.js';
import { CELLS } from './matrix.js';

/** Number of fleets that run cells of the matrix in parallel. */
const LANES = 4;
/** Keep-alive connections and log files come and go: up to this many extra descriptors at the end are accepted. */
const DESCRIPTORS_SPARE = 12;

const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000);

/** All cells with the queue in memory; with Redis another part in each run, because that takes minutes. */
const ALL = CELLS.map((cell, n) => ({ ...cell, n }));
const PART = ALL.filter(({ n }) => n % 4 === seed % 4);

/** Distributes idle fleets, first come, first served: more cells start at once than there are fleets. */
class Lanes {
  readonly #free: Fleet[];
  readonly #waiting: Array<(fleet: Fleet) => void> = [];

  constructor(fleets: readonly Fleet[]) {
    this.#free = [...fleets];
  }

  async take(): Promise<Fleet> {
    return this.#free.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  giveBack(fleet: Fleet): void {
    const next = this.#waiting.shift();
    if (next) next(fleet);
    else this.#free.push(fleet);
  }
}

function testMatrix(kind: QueueKind, cells: typeof ALL): void {
  const fleets: Fleet[] = [];
  const atFirst = new Map<Fleet, number>();
  let queue: QueueBackend;
  let lanes: Lanes;

  beforeAll(async () => {
    queue = await QueueBackend.open(kind);
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        const fleet = await Fleet.start(2, { ...CELL_ENV, ...queue.env() }, ['--work', CELL_WORK_MS]);
        fleets.push(fleet);
        await fleet.calm();
        atFirst.set(fleet, fleet.openDescriptors());
      }),
    );
    lanes = new Lanes(fleets);
  }, 180_000);

  afterAll(async () => {
    await Promise.all(fleets.map((fleet) => fleet.stop()));
    await queue.close();
  });

  describe.concurrent('ends as it must, with the job beside it untouched', () => {
    it.each(cells)(
      '$fault at $moment: $expected.end',
      async ({ fault, moment, expected, n }) => {
        const fleet = await lanes.take();
        try {
          const outcome = await runCell(fleet, fault, moment, new Random(seed + n));
          expect(outcome.wrong).toEqual([]);
          expect(outcome.end).toBe(expected.end);
          expect(expected.attempts).toContain(outcome.attempts);
          expect(expected.executions).toContain(outcome.executions);
        } finally {
          lanes.giveBack(fleet);
        }
      },
      120_000,
    );
  });

  it('and leaves no slot, socket or file descriptor behind', async () => {
    for (const fleet of fleets) {
      await fleet.calm();
      const allowed = (atFirst.get(fleet) ?? 0) + DESCRIPTORS_SPARE;
      await eventually(() => expect(fleet.openDescriptors()).toBeLessThanOrEqual(allowed), 20_000);
    }
  }, 120_000);
}

describe(`a job, whatever happens to its machine (seed ${seed})`, () => testMatrix('memory', ALL));

describe.runIf(requireRedis())(`a job in Redis, whatever happens to its machine (seed ${seed})`, () =>
  testMatrix('redis', PART),
);
