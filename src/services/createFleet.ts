import { lookup } from 'node:dns/promises';
import type { Config } from '../config/index.js';
import type { Logger } from '../utils/logger.js';
import { Fleet } from './instances/fleet/Fleet.js';
import { listedInEnvironment, type Machine } from './instances/fleet/Machine.js';
import { MachineDesk } from './instances/fleet/MachineDesk.js';
import { MachineFile } from './instances/fleet/MachineFile.js';
import { type Resolve, Roster } from './instances/fleet/Roster.js';
import type { Instance, InstanceSettings } from './instances/Instance.js';
import type { MachineChanges } from './queue/MachineChanges.js';

interface Parts {
  readonly create: (machine: Machine, settings: InstanceSettings) => Instance;
  /** Manual changes, and whether other servers make some too. */
  readonly changes: MachineChanges;
  readonly isShared: boolean;
  /** Replaces the lookup of the operating system. */
  readonly resolve: Resolve | undefined;
}

/** The fleet with the machines of `COMFYUI_HOST`, and what changes it after the start. */
export interface FleetParts {
  readonly fleet: Fleet;
  readonly desk: MachineDesk;
  /** @throws Error for a file that cannot be used */
  start(): Promise<void>;
  stop(): void;
}

/** Also what `/etc/hosts` has, as for every other address of a machine. */
const resolveBySystem: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/** Creates the fleet and its sources of machines. */
export function createFleet(
  { machines }: Config,
  { create, changes, isShared, resolve = resolveBySystem }: Parts,
  logger: Logger,
): FleetParts {
  const fleet = new Fleet({ create, maxJobs: machines.maxJobs }, logger);
  const roster = new Roster({ fleet, resolve, intervalMs: machines.discoveryIntervalMs }, logger);
  void roster.list('environment', listedInEnvironment(machines.addresses, machines.names));
  const file =
    machines.file === undefined
      ? undefined
      : new MachineFile(machines.file, (list) => roster.list('file', list), logger);
  const fileProblem = () => file?.problem;
  const desk = new MachineDesk({ fleet, roster, changes, fileProblem, isShared }, logger);
  return {
    fleet,
    desk,
    start: async () => {
      await file?.start();
      await roster.start();
      await desk.start();
    },
    stop: () => {
      void file?.stop();
      roster.stop();
      desk.stop();
    },
  };
}
