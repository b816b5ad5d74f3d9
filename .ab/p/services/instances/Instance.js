/** One ComfyUI machine: how it is reached, how it is, and how many of our jobs it has. */
export class Instance {
    address;
    client;
    breaker;
    health = {
        isUp: false,
        lastCheck: undefined,
        lastSuccess: undefined,
        responseTimeMs: undefined,
        averageResponseTimeMs: undefined,
        version: undefined,
        missing: new Map(),
    };
    activeJobs = 0;
    constructor(client, breaker) {
        this.address = client.address;
        this.client = client;
        this.breaker = breaker;
    }
    get host() {
        return this.address.host;
    }
    get isHealthy() {
        return this.health.isUp && this.breaker.state === 'CLOSED';
    }
    canRun(workflowType) {
        return this.isHealthy && !this.health.missing.has(workflowType);
    }
    /** Every node and model that some workflow misses. */
    get missingNodes() {
        return [...new Set([...this.health.missing.values()].flat())].sort();
    }
}
//# sourceMappingURL=Instance.js.map