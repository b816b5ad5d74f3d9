import type { Picker, Releasable } from '../JobQueue.js';
import type { Candidate } from './laneEntries.js';

/** What pickers were told of what waits: each look tells them only what is new and what is gone. */
export class ShownEntries {
  /** Ranks by id: an entry that waits again has another one. */
  readonly #ranks = new WeakMap<Picker<Releasable>, Map<string, number>>();

  /** Tells a picker what a look found, and asks it. */
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
    // It is told again when it still waits at the next look.
    known.delete(picked.id);
    return { candidate, value: picked.chosen };
  }
}
