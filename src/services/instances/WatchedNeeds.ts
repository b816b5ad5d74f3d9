import { keepNewest } from '../../utils/keepNewest.js';
import type { GraphNeeds } from '../../workflows/graphNeeds.js';

/** The needs of graphs that machines are asked about again: those of all waiting jobs, and the most recent others. */
export class WatchedNeeds {
  readonly #mostRecent: number;
  readonly #onForgotten: (key: string) => void;
  /** By key, with the number of waiting jobs. */
  readonly #waiting = new Map<string, { readonly needs: GraphNeeds; readonly jobs: number }>();
  /** Needs that no job waits with, by key; the most recent last. */
  readonly #recent = new Map<string, GraphNeeds>();

  /**
   * @param mostRecent maximum number of needs that no job waits with
   * @param onForgotten called with the key of needs that are no longer watched
   */
  constructor(mostRecent: number, onForgotten: (key: string) => void) {
    this.#mostRecent = mostRecent;
    this.#onForgotten = onForgotten;
  }

  has(key: string): boolean {
    return this.#waiting.has(key) || this.#recent.has(key);
  }

  /** Returns whether a job waits with the needs. */
  isWaiting(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** All needs, those of waiting jobs first. */
  all(): GraphNeeds[] {
    return [...[...this.#waiting.values()].map(({ needs }) => needs), ...this.#recent.values()];
  }

  /** Notes needs that a job may soon wait with. */
  note(needs: GraphNeeds): void {
    if (this.#waiting.has(needs.key)) return;
    const oldest = keepNewest(this.#recent, needs.key, needs, this.#mostRecent);
    if (oldest !== undefined) this.#onForgotten(oldest);
  }

  /** Forgets needs, unless jobs wait with them. */
  drop(key: string): void {
    if (this.#recent.delete(key)) this.#onForgotten(key);
  }

  /** Notes that a job waits with these needs. */
  enter(needs: GraphNeeds): void {
    this.#recent.delete(needs.key);
    const jobs = (this.#waiting.get(needs.key)?.jobs ?? 0) + 1;
    this.#waiting.set(needs.key, { needs, jobs });
  }

  /** Notes that a job no longer waits with these needs. They are then like those of other graphs. */
  leave(needs: GraphNeeds): void {
    const jobs = (this.#waiting.get(needs.key)?.jobs ?? 0) - 1;
    if (jobs > 0) {
      this.#waiting.set(needs.key, { needs, jobs });
      return;
    }
    this.#waiting.delete(needs.key);
    this.note(needs);
  }
}
