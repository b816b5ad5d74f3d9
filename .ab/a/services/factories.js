import { ComfyClient } from './comfyui/ComfyClient.js';
import { ConnectionManager } from './comfyui/ConnectionManager.js';
import { CircuitBreaker } from './instances/circuitBreaker.js';
import { Instance } from './instances/Instance.js';
import { WebhookSender } from './webhooks/WebhookSender.js';
import { Webhooks } from './webhooks/Webhooks.js';
/** Time that carrying an image to or from an instance may take, ms. */
const TRANSFER_TIMEOUT_MS = 60_000;
/** undefined where there is no secret to sign them with. */
export function createWebhooks({ WEBHOOK_SECRET: secret, WEBHOOK_ALLOWED_HOSTS: allowedHosts }, manager, { timeoutMs, ...timings }, clock, logger) {
    if (!secret)
        return undefined;
    const sender = new WebhookSender({ secret, allowedHosts, timeoutMs });
    return new Webhooks({ manager, sender }, timings, clock, logger);
}
/** Sockets to the machines, none open yet. */
export function createConnections(config, logger, overrides = {}) {
    return new ConnectionManager({
        maxPerInstance: config.MAX_CONNECTIONS_PER_INSTANCE,
        headers: comfyHeaders(config),
        handshakeTimeoutMs: config.HEALTH_CHECK_TIMEOUT,
        heartbeatMs: 10_000,
        reconnectBaseMs: 250,
        reconnectMaxMs: 30_000,
        stableMs: 10_000,
        ...overrides,
    }, logger);
}
/** The machines in the order of the configuration, each with its client and breaker. */
export function createInstances(config, clock, turns) {
    return config.INSTANCES.map((address) => {
        const options = {
            headers: comfyHeaders(config),
            controlTimeoutMs: config.HEALTH_CHECK_TIMEOUT,
            transferTimeoutMs: TRANSFER_TIMEOUT_MS,
            maxResultBytes: config.MAX_RESULT_SIZE,
        };
        const client = new ComfyClient(address, options, turns);
        const breaker = new CircuitBreaker({
            failureThreshold: config.BREAKER_FAILURE_THRESHOLD,
            resetTimeoutMs: config.BREAKER_RESET_TIMEOUT,
            maxResetTimeoutMs: config.BREAKER_MAX_RESET_TIMEOUT,
        }, clock);
        return new Instance(client, breaker);
    });
}
/** What every request and socket to ComfyUI carries. */
function comfyHeaders({ COMFYUI_AUTH_HEADER: header }) {
    return header ? { [header.name]: header.value } : {};
}
//# sourceMappingURL=factories.js.map