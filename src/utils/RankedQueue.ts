const FIRST_CAPACITY = 1024;

/**
 * A queue of values by key. Taking any value has constant cost, regardless of the length (a Map would walk over
 * removed entries), and the rank of each is known in logarithmic time: a Fenwick tree counts the remaining values by
 * ranges of places. Places are reassigned when they run out.
 */
export class RankedQueue<T> {
  readonly #places = new Map<string, number>();
  /** By place; places count from 1. */
  #values: Array<T | undefined> = [undefined];
  #counts = new Int32Array(FIRST_CAPACITY + 1);
  /** No value has a place before this one. */
  #first = 1;

  get size(): number {
    return this.#places.size;
  }

  /** Appends a value. Its key must be new. */
  push(key: string, value: T): void {
    if (this.#values.length >= this.#counts.length) this.#giveNewPlaces();
    const place = this.#values.length;
    this.#values.push(value);
    this.#places.set(key, place);
    this.#change(place, 1);
  }

  /** Removes a value. */
  remove(key: string): T | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const value = this.#values[place];
    this.#places.delete(key);
    this.#values[place] = undefined;
    this.#change(place, -1);
    while (this.#first < this.#values.length && this.#values[this.#first] === undefined) this.#first += 1;
    return value;
  }

  /** 1 for the first remaining value; 0 for an unknown key. */
  rank(key: string): number {
    let rank = 0;
    for (let at = this.#places.get(key) ?? 0; at > 0; at -= at & -at) rank += this.#counts[at] ?? 0;
    return rank;
  }

  /** In order; values may be removed during the iteration, but none added. */
  *values(): Generator<T> {
    for (let at = this.#first; at < this.#values.length; at += 1) {
      const value = this.#values[at];
      if (value !== undefined) yield value;
    }
  }

  #change(place: number, by: number): void {
    for (let at = place; at < this.#counts.length; at += at & -at)
      this.#counts[at] = (this.#counts[at] ?? 0) + by;
  }

  /** Closes the gaps, and makes room for twice as many values. */
  #giveNewPlaces(): void {
    const counts = new Int32Array(Math.max(FIRST_CAPACITY, 2 * this.#places.size) + 1);
    const values: Array<T | undefined> = [undefined];
    for (const [key, place] of this.#places) {
      this.#places.set(key, values.length);
      counts[values.length] = 1;
      values.push(this.#values[place]);
    }
    // Each node adds its count to its parent: one pass, whereas adding one by one takes logarithmic time each.
    for (let at = 1; at < counts.length; at += 1) {
      const above = at + (at & -at);
      if (above < counts.length) counts[above] = (counts[above] ?? 0) + (counts[at] ?? 0);
    }
    this.#values = values;
    this.#counts = counts;
    this.#first = 1;
  }
}
