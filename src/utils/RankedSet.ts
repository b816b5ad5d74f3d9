const FIRST_CAPACITY = 1024;

/**
 * Keys in the order in which they were added, each with its rank among those that are left, in logarithmic time: a
 * Fenwick tree over the places that were ever given. Places are given anew when they run out.
 */
export class RankedSet {
  /** Places by key, in order. */
  readonly #places = new Map<string, number>();
  /** Each node counts the keys of a range of places; places count from 1. */
  #tree = new Int32Array(FIRST_CAPACITY + 1);
  #last = 0;

  get size(): number {
    return this.#places.size;
  }

  add(key: string): void {
    if (this.#places.has(key)) return;
    if (this.#last + 1 >= this.#tree.length) this.#rebuild();
    this.#last += 1;
    this.#places.set(key, this.#last);
    this.#change(this.#last, 1);
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#change(place, -1);
  }

  /** 1 for the first key that is left; 0 for one that is not there. */
  rank(key: string): number {
    let rank = 0;
    for (let at = this.#places.get(key) ?? 0; at > 0; at -= at & -at) rank += this.#tree[at] ?? 0;
    return rank;
  }

  #change(place: number, by: number): void {
    for (let at = place; at < this.#tree.length; at += at & -at) this.#tree[at] = (this.#tree[at] ?? 0) + by;
  }

  /** Gives the keys that are left the first places, and room for as many more. */
  #rebuild(): void {
    const tree = new Int32Array(Math.max(FIRST_CAPACITY, 2 * this.#places.size) + 1);
    this.#last = 0;
    for (const key of this.#places.keys()) {
      this.#last += 1;
      this.#places.set(key, this.#last);
      tree[this.#last] = 1;
    }
    // Each node hands its count on to the one above it: once through, where adding one by one takes the logarithm.
    for (let at = 1; at < tree.length; at += 1) {
      const above = at + (at & -at);
      if (above < tree.length) tree[above] = (tree[above] ?? 0) + (tree[at] ?? 0);
    }
    this.#tree = tree;
  }
}
