import type { Logger } from '../../../utils/logger.js';
import { type Candidate, entryOf } from './laneEntries.js';
import { nextEntries } from './nextEntries.js';
import type { QueueLane } from './QueueLane.js';
import type { RedisConnection } from './RedisConnection.js';
import type { Found } from './ShownEntries.js';
import type { WaitingIndex } from './WaitingIndex.js';

/** Maximum number of entries per type that one search reads. If all of them must wait, no later entry of that type is found. */
const PEEKED = 16;

interface Parts {
  readonly connection: RedisConnection;
  readonly index: WaitingIndex;
  /** Prefix of BullMQ's keys. */
  readonly prefix: string;
  readonly laneOf: (type: string) => Promise<QueueLane>;
  /** Called with the id of each job whose entry was damaged and has been removed. */
  readonly onLost: (id: string) => void;
  readonly logger: Logger;
}

/** Searches the lanes of all types for waiting entries, and removes those that cannot be read. */
export class LaneSearch {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Returns the visible waiting entries in order, and how many others there are. */
  async look(): Promise<Found> {
    const { connection, index, prefix, laneOf } = this.#parts;
    const all = await nextEntries(connection.commands, index.typesKey, prefix, PEEKED);
    const found: Candidate[] = [];
    const others = new Map<string, number>();
    for (const { type, entries, damaged, hidden } of all) {
      if (hidden > 0) others.set(type, hidden);
      const lane = await laneOf(type);
      for (const id of damaged) await this.#drop(lane, id);
      for (const [place, data] of entries.entries()) {
        found.push({ lane, entry: entryOf(data), rank: data.rank, place });
      }
    }
    return { candidates: found.sort((a, b) => a.rank - b.rank), hidden: others };
  }

  /** Removes a damaged entry: BullMQ would fail for it, and with it every search. */
  async #drop(lane: QueueLane, id: string): Promise<void> {
    const { index, logger, onLost } = this.#parts;
    if (!(await lane.dropDamaged(id))) return;
    logger.warn('A queue entry cannot be read and was removed', { jobId: id, jobType: lane.type });
    try {
      await index.leave(id);
    } finally {
      onLost(id);
    }
  }
}
