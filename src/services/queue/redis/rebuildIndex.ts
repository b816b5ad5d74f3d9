import type { LaneData, QueueLane } from './QueueLane.js';
import type { WaitingIndex } from './WaitingIndex.js';

/** Rebuilds the index from BullMQ's queues, with each entry in its place. @throws the rejection of Redis */
export async function rebuildIndex(index: WaitingIndex, lanes: readonly QueueLane[]): Promise<void> {
  const waiting = new Map<string, LaneData>();
  for (const lane of lanes) for (const data of await lane.waiting()) waiting.set(data.id, data);
  const indexed = new Set(await index.ids());
  for (const id of indexed) if (!waiting.has(id)) await index.leave(id);
  for (const [id, { type, bytes, rank }] of waiting) {
    if (!indexed.has(id)) await index.restore(id, type, bytes, rank);
  }
}
