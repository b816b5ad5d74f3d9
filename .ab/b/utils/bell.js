/** Something to wait at: rung by whoever has news, or by the time that passed. */
export class Bell {
    #rung = false;
    #wake;
    /** Wakes who waits, or the next one who will. */
    ring() {
        this.#rung = true;
        this.#wake?.();
    }
    /** Resolves when the bell is rung, after `ms` milliseconds, or when `signal` is aborted. Never rejects. */
    async wait(ms, signal) {
        if (!this.#rung && !signal.aborted) {
            await new Promise((resolve) => {
                const done = () => {
                    clearTimeout(timer);
                    signal.removeEventListener('abort', done);
                    this.#wake = undefined;
                    resolve();
                };
                const timer = setTimeout(done, ms);
                signal.addEventListener('abort', done, { once: true });
                this.#wake = done;
            });
        }
        this.#rung = false;
        return undefined;
    }
}
//# sourceMappingURL=bell.js.map