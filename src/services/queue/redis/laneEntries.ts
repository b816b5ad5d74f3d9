import type { Choose, QueueEntry, Releasable } from '../JobQueue.js';
import type { LaneData, QueueLane } from './QueueLane.js';

/** An entry and its place. */
export interface Candidate {
  readonly lane: QueueLane;
  readonly entry: QueueEntry;
  readonly rank: number;
}

/** Returns the first entry that can be taken, and what `choose` returned for it. */
export function choice<T extends Releasable>(
  candidates: readonly Candidate[],
  choose: Choose<T>,
): { candidate: Candidate; value: T } | undefined {
  const hopeless = new Set<string>();
  for (const candidate of candidates) {
    const { entry } = candidate;
    if (entry.tried.size === 0 && hopeless.has(entry.type)) continue;
    const value = choose(entry);
    if (typeof value !== 'string') return { candidate, value };
    if (value === 'none of its type') hopeless.add(entry.type);
  }
  return undefined;
}

/** Returns BullMQ's data of an entry. */
export function dataOf({ tried, ...entry }: QueueEntry, rank: number): LaneData {
  return { ...entry, tried: [...tried], rank };
}

/** Returns the entry in BullMQ's data. */
export function entryOf({ rank: _rank, tried, ...entry }: LaneData): QueueEntry {
  return { ...entry, tried: new Set(tried) };
}
