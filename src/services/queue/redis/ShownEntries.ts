import type { Picker, Releasable } from '../JobQueue.js';
import type { Candidate } from './laneEntries.js';

/** What a search has found. */
export interface Found {
  readonly candidates: readonly Candidate[];
  /** Number of the other waiting entries, by type. */
  readonly hidden: ReadonlyMap<string, number>;
}

/** Tracks which entries pickers know: each search reports only new and removed ones. */
export class ShownEntries {
  /** Ranks by id: an entry that waits again has a new rank. */
  readonly #ranks = new WeakMap<Picker<Releasable>, Map<string, number>>();

  /** Updates a picker with the result of a search. */
  show({ candidates, hidden }: Found, picker: Picker<Releasable>): void {
    const known = this.#knownTo(picker);
    const seen = new Set(candidates.map(({ entry: { id } }) => id));
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
    picker.more(hidden);
  }

  /** Updates a picker with the result of a search, and asks it. */
  pick<T extends Releasable>(
    found: Found,
    picker: Picker<T>,
  ): { candidate: Candidate; value: T } | undefined {
    this.show(found, picker);
    const picked = picker.pick();
    const candidate = picked && found.candidates.find(({ entry }) => entry.id === picked.id);
    if (!candidate) {
      picked?.chosen.release();
      return undefined;
    }
    // If it still waits at the next search, it is reported again.
    this.#knownTo(picker).delete(picked.id);
    picker.leave(picked.id);
    return { candidate, value: picked.chosen };
  }

  #knownTo(picker: Picker<Releasable>): Map<string, number> {
    const known = this.#ranks.get(picker) ?? new Map<string, number>();
    this.#ranks.set(picker, known);
    return known;
  }
}
