import type { Config } from '../config/index.js';
import type { Clock } from '../utils/clock.js';
import type { Logger } from '../utils/logger.js';
import type { Turns } from '../utils/turns.js';
import { typeOfKind } from '../workflows/graphNeeds.js';
import type { WorkflowCatalogue } from '../workflows/WorkflowCatalogue.js';
import type { ConnectionManager } from './comfyui/ConnectionManager.js';
import { ServerState } from './comfyui/ServerState.js';
import { createFleet } from './createFleet.js';
import { createConnections, createInspector, createSharedSlots, instanceMaker } from './factories.js';
import { BreakerSwitch } from './instances/BreakerSwitch.js';
import type { Fleet } from './instances/fleet/Fleet.js';
import { GpuFaults } from './instances/GpuFaults.js';
import { GraphMachines } from './instances/GraphMachines.js';
import { HealthChecker } from './instances/HealthChecker.js';
import { JobVerdicts } from './instances/JobVerdicts.js';
import { LoadBalancer } from './instances/LoadBalancer.js';
import { OtherUsers } from './instances/OtherUsers.js';
import { RemovedWorkflows } from './instances/RemovedWorkflows.js';
import { Scheduler } from './instances/scheduling/Scheduler.js';
import { WorkflowNeeds } from './instances/WorkflowNeeds.js';
import { FleetComparison } from './jobs/FleetComparison.js';
import type { MachineChanges } from './queue/MachineChanges.js';
import type { RedisQueue } from './queue/redis/createRedisQueue.js';
import type { SlotLeases } from './queue/SlotLeases.js';
import type { ServiceOverrides } from './ServiceOverrides.js';
import type { Tracing } from './tracing/Tracing.js';

interface Parts {
  readonly workflows: WorkflowCatalogue;
  readonly redis: RedisQueue | undefined;
  readonly slots: SlotLeases | undefined;
  readonly machineChanges: MachineChanges;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly tracing: Tracing;
  /** Ids of prompts that other servers continue. */
  readonly wantedPrompts: () => Promise<ReadonlySet<string>>;
  /** Whether jobs of the workflow type wait or run, on any server. */
  readonly hasUnfinishedJobs: (type: string) => Promise<boolean>;
}

/** Estimate for a client's own graph until some were measured. */
const GRAPH_SECONDS = 30;

/** Creates the services for machines: the fleet, health, capabilities, and the scheduler. */
export function createMachines(
  config: Config,
  { workflows, redis, slots, machineChanges, clock, turns, tracing, wantedPrompts, hasUnfinishedJobs }: Parts,
  overrides: ServiceOverrides,
  log: (component: string) => Logger,
) {
  const connections = createConnections(config, log('connections'), overrides.connections);
  const state = new ServerState(config.server.stateDir, log('state'));
  const { fleet, desk, start, stop } = createFleet(
    config,
    {
      create: instanceMaker(config, { clock, turns, state, tracing }, log('connections')),
      changes: machineChanges,
      isShared: redis !== undefined,
      resolve: overrides.resolve,
    },
    log('fleet'),
  );
  const { instances } = fleet;
  const shared = createSharedSlots(config, instances, slots);
  const otherUsers = new OtherUsers(
    { instances, serverId: state.id, servers: shared },
    { settleMs: 50, lookMs: 1000, ...overrides.otherUsers },
    log('health'),
  );
  const balancer = new LoadBalancer(instances, shared, otherUsers);
  const removed = new RemovedWorkflows(workflows, hasUnfinishedJobs);
  const inspector = createInspector(
    config,
    { workflows, removed, instances, state, clock, wantedPrompts },
    log('health'),
  );
  const gpuFaults = new GpuFaults(
    (host) => connections.isConnected(host),
    { trialMs: 60_000, maxTrialMs: 3_600_000, ...overrides.gpuFaults },
    clock,
    log('health'),
  );
  const checker = new HealthChecker(
    instances,
    inspector,
    {
      intervalMs: config.machines.checkIntervalMs,
      freshMs: 2000,
      recheckMs: 1000,
      lookMs: 1000,
      severalMachinesMs: 600_000,
      ...overrides.health,
    },
    clock,
    log('health'),
    gpuFaults,
  );
  const needs = new WorkflowNeeds({ workflows, removed, instances, inspector, checker }, log('health'));
  const graphs = new GraphMachines({ instances, inspector, checker }, clock, log('health'));
  const comparison = createComparison(fleet, redis, log('fleet'));
  comparison.onComplete(() => graphs.tellHopeless());
  const breakers = new BreakerSwitch({ instances, checker, forced: redis?.forcedHosts }, log('breakers'));
  const verdicts = new JobVerdicts(config.machines.breaker.failureThreshold, (instance, error) =>
    checker.takeOut(instance, error),
  );
  const scheduler = new Scheduler(
    { maxPassedOverMs: config.jobs.maxPassedOverMs },
    (kind) => 1000 * (workflows.get(typeOfKind(kind))?.estimateSeconds ?? GRAPH_SECONDS),
  );

  followMachines({ connections, otherUsers, fleet, checker });
  balancer.onRelease(() => fleet.sweep());
  checker.onReturn(({ host }) => scheduler.forgetMachine(host));
  redis?.machineUpdates.subscribe((update) => scheduler.hear(update, clock.now()));
  fleet.onChanged((instance) => {
    needs.onLabels(instance);
    graphs.onLabels(instance);
  });
  fleet.onGone((instance) => {
    checker.forget(instance);
    connections.forget(instance.host);
    verdicts.forget(instance);
    otherUsers.leave(instance);
    graphs.forget(instance);
    scheduler.forgetMachine(instance.host);
  });

  return {
    connections,
    state,
    fleet,
    desk,
    shared,
    otherUsers,
    balancer,
    removed,
    needs,
    gpuFaults,
    graphs,
    comparison,
    checker,
    breakers,
    verdicts,
    scheduler,
    start,
    stop,
  };
}

/** Compares the fleet with those of other servers: every second, and as soon as a machine was added or Redis is back. */
function createComparison(fleet: Fleet, redis: RedisQueue | undefined, logger: Logger): FleetComparison {
  const hosts = () => fleet.instances.map(({ host }) => host);
  const comparison = new FleetComparison({ hosts, known: redis?.knownMachines }, logger);
  fleet.onAdded(() => void comparison.compare());
  redis?.connection.onChange((isAvailable) => {
    if (isAvailable) void comparison.compare();
  });
  return comparison;
}

/** Connects the WebSocket pool with health checks: lost and reopened connections, queue lengths, new machines. */
function followMachines({
  connections,
  otherUsers,
  fleet,
  checker,
}: {
  connections: ConnectionManager;
  otherUsers: OtherUsers;
  fleet: Fleet;
  checker: HealthChecker;
}): void {
  connections.onQueue((host, remaining) => otherUsers.heard(host, remaining));
  connections.onLoss((host) => {
    if (!connections.isConnected(host)) otherUsers.forget(host);
    const instance = fleet.instances.find((one) => one.host === host);
    if (instance) void checker.suspect(instance);
  });
  checker.onReturn(({ address }) => void connections.reopen(address));
  // The first job on an instance should not have to wait for a handshake.
  checker.onHealthy(({ address }) => void connections.warmUp(address));
  fleet.onAdded((instance) => void checker.add(instance));
}
