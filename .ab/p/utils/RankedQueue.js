const FIRST_CAPACITY = 1024;
/**
 * Values in the order in which they came, by key. Taking the first, or any other, costs the same however many there
 * are (a Map would look through the places of those that were taken), and the rank of each is known in logarithmic
 * time: a Fenwick tree counts, for ranges of places, the values that are left there. Places are given anew when
 * they run out.
 */
export class RankedQueue {
    #places = new Map();
    /** By place; places count from 1. */
    #values = [undefined];
    #counts = new Int32Array(FIRST_CAPACITY + 1);
    /** No value has a place before this one. */
    #first = 1;
    get size() {
        return this.#places.size;
    }
    /** Adds a value behind all others. Its key must not be there already. */
    push(key, value) {
        if (this.#values.length >= this.#counts.length)
            this.#giveNewPlaces();
        const place = this.#values.length;
        this.#values.push(value);
        this.#places.set(key, place);
        this.#change(place, 1);
    }
    /** Takes a value out. */
    remove(key) {
        const place = this.#places.get(key);
        if (place === undefined)
            return undefined;
        const value = this.#values[place];
        this.#places.delete(key);
        this.#values[place] = undefined;
        this.#change(place, -1);
        while (this.#first < this.#values.length && this.#values[this.#first] === undefined)
            this.#first += 1;
        return value;
    }
    /** 1 for the first value that is left; 0 for a key that is not there. */
    rank(key) {
        let rank = 0;
        for (let at = this.#places.get(key) ?? 0; at > 0; at -= at & -at)
            rank += this.#counts[at] ?? 0;
        return rank;
    }
    /** In order; values may be taken out meanwhile, but none added. */
    *values() {
        for (let at = this.#first; at < this.#values.length; at += 1) {
            const value = this.#values[at];
            if (value !== undefined)
                yield value;
        }
    }
    #change(place, by) {
        for (let at = place; at < this.#counts.length; at += at & -at)
            this.#counts[at] = (this.#counts[at] ?? 0) + by;
    }
    /** Closes the gaps, and makes room for as many values more as there are. */
    #giveNewPlaces() {
        const counts = new Int32Array(Math.max(FIRST_CAPACITY, 2 * this.#places.size) + 1);
        const values = [undefined];
        for (const [key, place] of this.#places) {
            this.#places.set(key, values.length);
            counts[values.length] = 1;
            values.push(this.#values[place]);
        }
        // Each node hands its count on to the one above it: once through, where adding one by one takes the logarithm.
        for (let at = 1; at < counts.length; at += 1) {
            const above = at + (at & -at);
            if (above < counts.length)
                counts[above] = (counts[above] ?? 0) + (counts[at] ?? 0);
        }
        this.#values = values;
        this.#counts = counts;
        this.#first = 1;
    }
}
//# sourceMappingURL=RankedQueue.js.map