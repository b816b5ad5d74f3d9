import type { LaneData } from './laneData.js';
import type { QueueLane } from './QueueLane.js';
import type { WaitingIndex } from './WaitingIndex.js';

/**
 * Rebuilds the index from BullMQ's queues, with each entry in its place. Only entries that no longer exist are removed: one
 * that does not wait may be held for a moment by a server that looks for a later one, and returned.
 * @throws the rejection of Redis
 */
export async function rebuildIndex(index: WaitingIndex, lanes: readonly QueueLane[]): Promise<void> {
  const waiting = new Map<string, LaneData>();
  for (const lane of lanes) for (const data of await lane.waiting()) waiting.set(data.id, data);
  const indexed = new Set(await index.ids());
  for (const id of indexed) {
    if (waiting.has(id)) continue;
    const found = await Promise.all(lanes.map((lane) => lane.has(id)));
    if (!found.includes(true)) await index.leave(id);
  }
  for (const [id, { type, bytes, rank }] of waiting) {
    if (!indexed.has(id)) await index.restore(id, type, bytes, rank);
  }
}
