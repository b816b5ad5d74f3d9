import type { QueueEntry } from '../JobQueue.js';
import type { LaneData } from './laneData.js';
import type { QueueLane } from './QueueLane.js';

/** An entry and its place. */
export interface Candidate {
  readonly lane: QueueLane;
  readonly entry: QueueEntry;
  readonly rank: number;
  /** Number of entries before it in its lane. */
  readonly place: number;
}

/** Returns BullMQ's data of an entry. */
export function dataOf({ tried, ...entry }: QueueEntry, rank: number): LaneData {
  return { ...entry, tried: [...tried], rank };
}

/** Returns the entry in BullMQ's data. */
export function entryOf({ rank: _rank, tried, ...entry }: LaneData): QueueEntry {
  return { ...entry, tried: new Set(tried) };
}
