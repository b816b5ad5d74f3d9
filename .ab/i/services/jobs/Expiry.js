import { messageOf } from '../../errors.js';
/** Looks for expired jobs ten times a lifetime, but neither all the time nor only once in minutes. */
const PERIODS = 10;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 30_000;
/** Less garbage than this is left for V8 to find when it likes. */
const MUCH_BYTES = 16 * 1024 * 1024;
/** Removes finished jobs when their lifetime is over, and gives their memory back when the server is idle then. */
export class Expiry {
    #manager;
    #intervalMs;
    #logger;
    #options;
    /** Whether jobs were removed since garbage was last collected. */
    #isUntidy = false;
    #timer;
    constructor(manager, options, logger) {
        const { lifetimeMs } = options;
        this.#options = options;
        this.#logger = logger;
        this.#manager = manager;
        this.#intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, lifetimeMs / PERIODS));
    }
    start() {
        this.#timer ??= setInterval(() => this.#cleanUp(), this.#intervalMs);
    }
    #cleanUp() {
        this.#manager
            .cleanup()
            .then((removed) => {
            this.#isUntidy ||= removed > 0;
            this.#tidy();
        })
            .catch((error) => {
            this.#logger.error('Expired jobs could not be removed', { error: messageOf(error) });
        });
    }
    #tidy() {
        if (!this.#isUntidy || !this.#options.isIdle())
            return;
        this.#isUntidy = false;
        if (process.memoryUsage().arrayBuffers > MUCH_BYTES)
            this.#options.collectGarbage();
    }
    stop() {
        clearInterval(this.#timer);
        this.#timer = undefined;
    }
}
//# sourceMappingURL=Expiry.js.map