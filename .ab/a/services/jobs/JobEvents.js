import { EventEmitter } from 'node:events';
/** Who wants to hear of jobs, and who waits for one. */
export class JobEvents {
    #emitter = new EventEmitter();
    constructor() {
        // A listener a waiting request: as many as there are clients.
        this.#emitter.setMaxListeners(0);
    }
    /** Listeners of every kind, those of waiting requests among them. */
    get listeners() {
        return this.#emitter.eventNames().reduce((sum, name) => sum + this.#emitter.listenerCount(name), 0);
    }
    onPending(listener) {
        this.#emitter.on('pending', listener);
    }
    onFinished(listener) {
        this.#emitter.on('finished', listener);
    }
    /**
     * Calls `listener` with every record that a job becomes, in order.
     * @param id of one job; undefined for all
     * @returns what ends it
     */
    onChanged(id, listener) {
        return this.#on(id === undefined ? 'changed' : `changed:${id}`, listener);
    }
    /** Calls `listener` with the id of every job that is forgotten. @returns what ends it */
    onRemoved(listener) {
        return this.#on('removed', listener);
    }
    changed(job) {
        this.#emitter.emit('changed', job);
        this.#emitter.emit(`changed:${job.id}`, job);
    }
    removed(id) {
        this.#emitter.emit('removed', id);
    }
    pending() {
        this.#emitter.emit('pending');
    }
    finished(job) {
        this.#emitter.emit('finished', job);
        this.#emitter.emit(`finished:${job.id}`);
    }
    /** No job begins any more. */
    draining() {
        this.#emitter.emit('draining');
    }
    #on(name, listener) {
        this.#emitter.on(name, listener);
        return () => void this.#emitter.off(name, listener);
    }
    /** Resolves when the job is finished, `signal` is aborted, or draining begins while `isWaiting`. */
    async wait(id, isWaiting, signal) {
        if (signal.aborted)
            return;
        await new Promise((resolve) => {
            const done = () => {
                this.#emitter.off(`finished:${id}`, done);
                this.#emitter.off('draining', onDraining);
                signal.removeEventListener('abort', done);
                resolve();
            };
            const onDraining = () => {
                if (isWaiting())
                    done();
            };
            this.#emitter.once(`finished:${id}`, done);
            this.#emitter.on('draining', onDraining);
            signal.addEventListener('abort', done, { once: true });
        });
    }
}
//# sourceMappingURL=JobEvents.js.map