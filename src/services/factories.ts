import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import type { Turns } from '../utils/turns.js';
import type { JobViews } from '../views/JobViews.js';
import { imageNodeClasses } from '../workflows/imageNodes.js';
import type { WorkflowSource } from '../workflows/WorkflowSource.js';
import { ComfyClient } from './comfyui/ComfyClient.js';
import { ConnectionManager, type ConnectionOptions } from './comfyui/ConnectionManager.js';
import { Leftovers } from './comfyui/Leftovers.js';
import type { ServerState } from './comfyui/ServerState.js';
import { CircuitBreaker } from './instances/circuitBreaker.js';
import { Inspector } from './instances/Inspector.js';
import { Instance } from './instances/Instance.js';
import type { JobManager } from './jobs/JobManager.js';
import { WebhookSender } from './webhooks/WebhookSender.js';
import { MAX_PER_HOST, type WebhookOptions, Webhooks } from './webhooks/Webhooks.js';

/** Time that carrying an image to or from an instance may take, ms. */
const TRANSFER_TIMEOUT_MS = 60_000;

/** undefined where there is no secret to sign them with. */
export function createWebhooks(
  config: Config,
  { manager, views }: { manager: JobManager; views: JobViews },
  { timeoutMs, ...options }: WebhookOptions & { timeoutMs: number },
  clock: Clock,
  logger: Logger,
): Webhooks | undefined {
  const { secret, allowedHosts } = config.webhooks;
  if (!secret) return undefined;
  const sender = new WebhookSender({ secret, allowedHosts, timeoutMs, maxPerHost: MAX_PER_HOST });
  return new Webhooks(
    { manager, sender, publicUrl: config.server.publicUrl, describe: (job) => views.status(job) },
    options,
    clock,
    logger,
  );
}

/** Sockets to the machines, none open yet. */
export function createConnections(
  config: Config,
  logger: Logger,
  overrides: Partial<ConnectionOptions> = {},
): ConnectionManager {
  return new ConnectionManager(
    {
      maxPerInstance: config.machines.maxConnections,
      headers: comfyHeaders(config),
      handshakeTimeoutMs: config.machines.controlTimeoutMs,
      heartbeatMs: 10_000,
      reconnectBaseMs: 250,
      reconnectMaxMs: 30_000,
      stableMs: 10_000,
      ...overrides,
    },
    logger,
  );
}

/** The machines in the order of the configuration, each with its client and breaker. */
export function createInstances(config: Config, clock: Clock, turns: Turns, state: ServerState): Instance[] {
  return config.machines.addresses.map((address) => {
    const options = {
      headers: { ...comfyHeaders(config), ...address.headers },
      controlTimeoutMs: config.machines.controlTimeoutMs,
      transferTimeoutMs: TRANSFER_TIMEOUT_MS,
      maxResultBytes: config.machines.maxResultBytes,
      serverId: state.id,
      onNewUploadName: (name: string) => state.uploads(address.host, name),
      onSubmit: () => state.uses(address.host),
    };
    const client = new ComfyClient(address, options, turns);
    const breaker = new CircuitBreaker(config.machines.breaker, clock);
    return new Instance(client, breaker);
  });
}

/** What finds out about an instance that came up. */
export function createInspector(
  config: Config,
  parts: {
    workflows: WorkflowSource;
    instances: readonly Instance[];
    state: ServerState;
    clock: Clock;
  },
  logger: Logger,
): Inspector {
  const { workflows, instances, state, clock } = parts;
  const hosts = instances.map(({ host }) => host);
  return new Inspector(
    {
      workflows,
      sharedClasses: imageNodeClasses(config.machines.imageInput),
      uploads: config.machines.imageInput === 'upload',
      leftovers: new Leftovers(state, hosts, logger),
    },
    clock,
    logger,
  );
}

/** What every request and socket to ComfyUI carries. */
function comfyHeaders({ machines: { header } }: Config): Record<string, string> {
  return header ? { [header.name]: header.value } : {};
}
