import type { Store } from 'express-rate-limit';
import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import { SharedWorkflows } from '../workflows/files/SharedWorkflows.js';
import { WorkflowFolder } from '../workflows/files/WorkflowFolder.js';
import type { Workflow } from '../workflows/types.js';
import { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import { MinuteStore } from './limits/MinuteStore.js';
import { SharedMinuteStore } from './limits/redis/SharedMinuteStore.js';
import type { RedisQueue } from './queue/redis/createRedisQueue.js';

/** Starts the components that connect to something. */
type RequestCounts = Store & { start?(): Promise<void> };

/** Counts the requests to all servers if they share a Redis, otherwise those to this server. */
export function createRequestCounts(
  redis: RedisQueue | undefined,
  clock: Clock,
  logger: Logger,
): RequestCounts {
  if (!redis) return new MinuteStore(clock);
  return new SharedMinuteStore({ connection: redis.connection, prefix: redis.base, clock, logger });
}

/** Where workflows are kept that are not built in. */
export type WorkflowKeeper = WorkflowFolder | SharedWorkflows;

/** The built-in workflows, those in the folder if there is one, and those shared between servers. */
export function createWorkflows(
  { workflows: { directory } }: Config,
  builtInWorkflows: readonly Workflow[],
  redis: RedisQueue | undefined,
  logger: Logger,
): { workflows: WorkflowCatalogue; keeper: WorkflowKeeper | undefined } {
  if (directory === '') return { workflows: new WorkflowCatalogue(builtInWorkflows), keeper: undefined };
  const builtIn = new Set(builtInWorkflows.map(({ type }) => type));
  const folder = new WorkflowFolder({ directory, builtIn, logger });
  const keeper = redis
    ? new SharedWorkflows({ folder, texts: redis.workflowTexts, builtIn, logger })
    : folder;
  return { workflows: new WorkflowCatalogue(builtInWorkflows, keeper), keeper };
}
