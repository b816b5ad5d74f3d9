import type { Config } from '../config.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import type { Turns } from '../utils/turns.js';
import { ConnectionManager, type ConnectionOptions } from './comfyui/ConnectionManager.js';
import { Instance } from './instances/Instance.js';
import type { JobManager } from './jobs/JobManager.js';
import { Webhooks, type WebhookTimings } from './webhooks/Webhooks.js';
/** undefined where there is no secret to sign them with. */
export declare function createWebhooks({ WEBHOOK_SECRET: secret, WEBHOOK_ALLOWED_HOSTS: allowedHosts }: Config, manager: JobManager, { timeoutMs, ...timings }: WebhookTimings & {
    timeoutMs: number;
}, clock: Clock, logger: Logger): Webhooks | undefined;
/** Sockets to the machines, none open yet. */
export declare function createConnections(config: Config, logger: Logger, overrides?: Partial<ConnectionOptions>): ConnectionManager;
/** The machines in the order of the configuration, each with its client and breaker. */
export declare function createInstances(config: Config, clock: Clock, turns: Turns): Instance[];
