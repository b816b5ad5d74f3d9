/** A binary heap whose items can be removed, or moved after their order changed. Each operation takes time log n. */
export class IndexedHeap<T> {
  readonly isBefore: (one: T, other: T) => boolean;
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();

  constructor(isBefore: (one: T, other: T) => boolean) {
    this.isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first item. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item, or moves an existing one to its new place. */
  place(item: T): void {
    let at = this.#places.get(item);
    if (at === undefined) {
      at = this.#items.length;
      this.#items.push(item);
    }
    this.#down(item, this.#up(item, at));
  }

  /** Does nothing if the item is not in the heap. */
  remove(item: T): void {
    const at = this.#places.get(item);
    if (at === undefined) return;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#down(last, this.#up(last, at));
  }

  #up(item: T, from: number): number {
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.isBefore(item, parent)) break;
      this.#set(parent, at);
      at = above;
    }
    this.#set(item, at);
    return at;
  }

  #down(item: T, from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const one = this.#items[left];
      const other = this.#items[left + 1];
      if (one === undefined) break;
      const isOther = other !== undefined && this.isBefore(other, one);
      const child = isOther ? other : one;
      if (!this.isBefore(child, item)) break;
      this.#set(child, at);
      at = isOther ? left + 1 : left;
    }
    this.#set(item, at);
  }

  #set(item: T, at: number): void {
    this.#items[at] = item;
    this.#places.set(item, at);
  }
}
