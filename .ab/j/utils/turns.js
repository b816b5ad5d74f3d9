/** Work on fewer bytes is done before anybody notices. */
const SMALL_BYTES = 64 * 1024;
/** Bytes that are worked on in one turn of the event loop; one larger piece has a turn of its own. */
const BYTES_A_TURN = 1024 * 1024;
/**
 * Spreads work on large images over turns of the event loop, first come, first served. Many of them that are ready
 * in the same turn would otherwise hold up all small requests, and each other's reading, until the last was done.
 */
export class Turns {
    #waiting = [];
    /** Resolves when work on `bytes` may begin: in a later turn, or at once where they are few. */
    async take(bytes) {
        if (bytes <= SMALL_BYTES)
            return;
        await new Promise((begin) => {
            this.#waiting.push({ bytes, begin });
            if (this.#waiting.length === 1)
                setImmediate(this.#nextTurn);
        });
    }
    #nextTurn = () => {
        let left = BYTES_A_TURN;
        for (;;) {
            const piece = this.#waiting[0];
            if (!piece || (piece.bytes > left && left < BYTES_A_TURN))
                break;
            this.#waiting.shift();
            left -= piece.bytes;
            piece.begin();
        }
        if (this.#waiting.length > 0)
            setImmediate(this.#nextTurn);
    };
}
//# sourceMappingURL=turns.js.map