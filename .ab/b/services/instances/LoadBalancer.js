/** Hands out places for jobs: least loaded healthy instance first, ties in turn. */
export class LoadBalancer {
    #instances;
    #maxPerInstance;
    /** Instances by when they were last given a job, longest ago first. */
    #turn;
    #onRelease = [];
    constructor(instances, maxPerInstance) {
        this.#instances = instances;
        this.#maxPerInstance = maxPerInstance;
        this.#turn = [...instances];
    }
    get instances() {
        return this.#instances;
    }
    /** Instances that may have jobs at present. */
    get healthyCount() {
        return this.#instances.filter((instance) => instance.isHealthy).length;
    }
    get maxPerInstance() {
        return this.#maxPerInstance;
    }
    /** Calls `listener` whenever a place became free. */
    onRelease(listener) {
        this.#onRelease.push(listener);
    }
    /** Whether any healthy instance could run such a job, free or not. */
    canRun(workflowType) {
        return this.#instances.some((instance) => instance.canRun(workflowType));
    }
    /** Why no healthy instance can run such a job. */
    whyNot(workflowType) {
        const healthy = this.#instances.filter((instance) => instance.isHealthy);
        if (healthy.length === 0)
            return 'No ComfyUI instance is healthy.';
        const missing = new Set(healthy.flatMap((instance) => instance.health.missing.get(workflowType) ?? []));
        return `No healthy ComfyUI instance has what this workflow needs: ${[...missing].join(', ')}.`;
    }
    get hasFreeSlot() {
        return this.#instances.some((instance) => this.#isFree(instance));
    }
    /**
     * Takes a place for a job of this type. Instances in `tried` failed this job before: they are only asked again
     * when no other healthy one can run it at all.
     */
    acquire(workflowType, tried) {
        const able = this.#turn.filter((instance) => instance.canRun(workflowType));
        const untried = able.filter((instance) => !tried.has(instance.host));
        const candidates = untried.length > 0 ? untried : able;
        let best;
        for (const instance of candidates) {
            if (this.#isFree(instance) && (!best || instance.activeJobs < best.activeJobs))
                best = instance;
        }
        return best && this.#take(best);
    }
    #isFree(instance) {
        // One job decides whether an instance that was opened by its jobs is well again.
        const places = instance.breaker.isOnTrial ? 1 : this.#maxPerInstance;
        return instance.isHealthy && instance.activeJobs < places;
    }
    #take(instance) {
        instance.activeJobs += 1;
        this.#turn.splice(this.#turn.indexOf(instance), 1);
        this.#turn.push(instance);
        let isHeld = true;
        return {
            instance,
            release: () => {
                if (!isHeld)
                    return;
                isHeld = false;
                instance.activeJobs -= 1;
                for (const listener of this.#onRelease)
                    listener();
            },
        };
    }
}
//# sourceMappingURL=LoadBalancer.js.map