import type { Picker, Releasable } from '../JobQueue.js';
import type { Candidate } from './laneEntries.js';

/** Tracks which entries pickers know: each search reports only new and removed ones. */
export class ShownEntries {
  /** Ranks by id: an entry that waits again has a new rank. */
  readonly #ranks = new WeakMap<Picker<Releasable>, Map<string, number>>();

  /** Updates a picker with the result of a search, and asks it. */
  pick<T extends Releasable>(
    candidates: readonly Candidate[],
    picker: Picker<T>,
  ): { candidate: Candidate; value: T } | undefined {
    const known = this.#ranks.get(picker) ?? new Map<string, number>();
    this.#ranks.set(picker, known);
    const seen = new Map(candidates.map((candidate) => [candidate.entry.id, candidate]));
    for (const id of known.keys()) {
      if (seen.has(id)) continue;
      known.delete(id);
      picker.leave(id);
    }
    for (const { entry, rank } of candidates) {
      if (known.get(entry.id) === rank) continue;
      known.set(entry.id, rank);
      picker.enter(entry, rank < 0);
    }
    const picked = picker.pick();
    const candidate = picked && seen.get(picked.id);
    if (!candidate) {
      picked?.chosen.release();
      return undefined;
    }
    // If it still waits at the next search, it is reported again.
    known.delete(picked.id);
    picker.leave(picked.id);
    return { candidate, value: picked.chosen };
  }
}
