import type { Logger } from '../../../utils/logger.js';
import type { LaneData } from './laneData.js';
import type { QueueLane } from './QueueLane.js';
import type { WaitingIndex } from './WaitingIndex.js';

interface Parts {
  readonly index: WaitingIndex;
  /** Called with the id of each job whose entry was lost: it needs a new one. */
  readonly onLost: (id: string) => void;
  readonly logger: Logger;
}

/**
 * Compares the index with BullMQ's queues, which are authoritative. If they differ twice in a row, it corrects the index: a
 * server may have died between its two writes, or just be between them. It also finds entries that BullMQ has lost: a script
 * that Redis refuses in the middle, because one key is damaged, has already taken the entry from another one.
 */
export class IndexRepair {
  readonly #parts: Parts;
  /** Whether the counts of the index and of BullMQ's queues differed at the last check. */
  #isSuspect = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** One check. @param lanes of all types @throws the rejection of Redis */
  async run(lanes: readonly QueueLane[]): Promise<void> {
    const counts = await Promise.all(lanes.map((lane) => lane.count()));
    const { jobs } = await this.#parts.index.size();
    const isWrong = counts.reduce((sum, count) => sum + count, 0) !== jobs;
    if (isWrong && this.#isSuspect) await this.#rebuild(lanes);
    this.#isSuspect = isWrong && !this.#isSuspect;
  }

  /**
   * Rebuilds the index, with each entry in its place. Only entries that no longer exist are removed: one that does not wait may be
   * held for a moment by a server that looks for a later one, and returned.
   */
  async #rebuild(lanes: readonly QueueLane[]): Promise<void> {
    const { index } = this.#parts;
    const waiting = new Map<string, LaneData>();
    for (const lane of lanes) for (const data of await lane.waiting()) waiting.set(data.id, data);
    const indexed = new Set(await index.ids());
    for (const id of indexed) if (!waiting.has(id)) await this.#removeUnlisted(id, lanes);
    for (const [id, { type, bytes, rank }] of waiting) {
      if (!indexed.has(id)) await index.restore(id, type, bytes, rank);
    }
  }

  async #removeUnlisted(id: string, lanes: readonly QueueLane[]): Promise<void> {
    const { index, logger, onLost } = this.#parts;
    const states = await Promise.all(lanes.map((lane) => lane.dropStray(id)));
    if (states.includes('listed')) return;
    const isLost = states.includes('stray');
    try {
      await index.leave(id);
    } finally {
      if (isLost) {
        logger.warn('A queue entry was in no list and was removed', { jobId: id });
        onLost(id);
      }
    }
  }
}
