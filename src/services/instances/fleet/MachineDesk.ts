import pLimit from 'p-limit';
import { z } from 'zod';
import { AppError, messageOf } from '../../../errors.js';
import {
  type MachineEntry,
  type MachinePatch,
  machineEntry,
  machinePatch,
} from '../../../schemas/instances.js';
import { invalidParameter } from '../../../schemas/parse.js';
import { jsonIfValid } from '../../../utils/jsonIfValid.js';
import type { Logger } from '../../../utils/logger.js';
import { Repeater } from '../../../utils/Repeater.js';
import type { Instance } from '../Instance.js';
import type { Fleet } from './Fleet.js';
import { type Listed, listed } from './Machine.js';
import type { Roster } from './Roster.js';

/** Between two reads of the changes that other servers made, ms. */
const LOOK_MS = 1000;

/** The manual change to one machine, or to one DNS name. */
const change = z.object({
  entry: machineEntry.optional(),
  isRemoved: z.boolean().default(false),
  patch: z.union([machinePatch, z.strictObject({})]).default({}),
});
type Change = z.output<typeof change>;

interface Parts {
  readonly fleet: Fleet;
  readonly roster: Roster;
  /** Both methods reject where other servers cannot be told now. */
  readonly changes: {
    read(): Promise<{ readonly version: string; readonly texts: ReadonlyMap<string, string> }>;
    /** Returns false if the changes are not of this version any more. */
    replace(version: string, name: string, text: string | undefined): Promise<boolean>;
  };
  /** What is wrong with `INSTANCES_FILE`. */
  readonly fileProblem: () => string | undefined;
  /** Whether other servers may make changes. */
  readonly isShared: boolean;
}

/** Adds, changes and removes machines through the API: on all servers if they share their jobs. */
export class MachineDesk {
  readonly #parts: Parts;
  readonly #logger: Logger;
  readonly #looks: Repeater;
  /** Changes by this server do not compete with each other. */
  readonly #alone = pLimit(1);
  /** The changes that the fleet has, and their version. */
  #version = '';
  #changes: ReadonlyMap<string, Change> = new Map();
  /** Damaged texts, or those of another version of the server, by name. */
  #unreadable: ReadonlyMap<string, string> = new Map();

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
    this.#looks = new Repeater(
      () => this.#look(),
      LOOK_MS,
      // The connection logs outages.
      (error) => logger.debug('What was said of machines could not be read', { error: messageOf(error) }),
    );
  }

  async start(): Promise<void> {
    if (!this.#parts.isShared) return;
    await this.#looks.now();
    this.#looks.start();
  }

  stop(): void {
    this.#looks.stop();
  }

  /**
   * Adds a machine, or every machine of a DNS name. It gets jobs after a successful check.
   * @returns the machines that were added, or were leaving and stay. If a removed machine with this host has another name,
   * address or header and still runs jobs, that one: the new one takes its place when they have ended
   * @throws AppError `INVALID_PARAMETER`, `INSTANCE_EXISTS`, `QUEUE_UNAVAILABLE`
   */
  async add(entry: MachineEntry): Promise<Instance[]> {
    const { fleet } = this.#parts;
    const one = await readEntry(entry);
    const name = nameOf(one);
    const before = await this.#replace(name, (known) => {
      const there = 'machine' in one ? fleet.wantedAs(one.machine.address) : undefined;
      // This server may be unable to use an entry that others use.
      if (there !== undefined || known?.entry) throw exists(there ?? name);
      return { result: new Set(this.#staying()), to: { entry, isRemoved: false, patch: {} } };
    });
    const added = this.#staying().filter((instance) => !before.has(instance));
    if (added.length > 0 || !('machine' in one)) return added;
    return fleet.instances.filter(({ host }) => host === one.machine.address.host);
  }

  /** @throws AppError `INSTANCE_NOT_FOUND`, `QUEUE_UNAVAILABLE` */
  change(name: string, patch: MachinePatch): Promise<Instance> {
    return this.#replace(name, (known) => {
      const to = { ...known, patch: { ...known?.patch, ...patch }, isRemoved: false };
      return { result: this.find(name), to };
    });
  }

  /**
   * Removes a machine. It gets no more jobs, and is forgotten when its last job has ended.
   * @throws AppError `INSTANCE_NOT_FOUND`, `QUEUE_UNAVAILABLE`
   */
  remove(name: string): Promise<Instance | undefined> {
    return this.#replace(name, (known) => {
      const isName = known?.entry !== undefined || this.#unreadable.has(name);
      // A DNS name is not a machine itself.
      const result = isName ? this.#named(name) : this.find(name);
      // Without a decision, a machine that was removed and added again would come back from its own list.
      const isForgotten = isName && !this.#parts.roster.isListedElsewhere(name);
      return { result, to: isForgotten ? undefined : { isRemoved: true, patch: {} } };
    });
  }

  /** Entries of any list that are invalid, and changes that cannot be read. */
  get problems(): readonly string[] {
    const { fleet, fileProblem } = this.#parts;
    const ofFile = fileProblem();
    const ofChanges = [...this.#unreadable.keys()].map(
      (name) => `the change to ${name} cannot be read and is ignored; change or remove ${name} to replace it`,
    );
    return [...(ofFile === undefined ? [] : [ofFile]), ...fleet.problems, ...ofChanges];
  }

  /** @throws AppError `INSTANCE_NOT_FOUND` */
  find(name: string): Instance {
    const found = this.#named(name);
    if (found && !this.#parts.fleet.isLeaving(found)) return found;
    const shown = name.slice(0, 100);
    const message = found
      ? `The instance ${shown} was removed, and disappears when its last job has ended.`
      : `There is no instance ${shown}.`;
    throw new AppError('INSTANCE_NOT_FOUND', message, {
      details: { known_names: this.#staying().map(({ address }) => address.id) },
    });
  }

  /** The machines that are not leaving. */
  #staying(): Instance[] {
    const { fleet } = this.#parts;
    return fleet.instances.filter((instance) => !fleet.isLeaving(instance));
  }

  /** One that is leaving only if no other has the name. */
  #named(name: string): Instance | undefined {
    const isIt = ({ address }: Instance) => address.id === name;
    return this.#staying().find(isIt) ?? this.#parts.fleet.instances.find(isIt);
  }

  /**
   * Replaces what was said of a machine.
   * @param decide gets the latest change by any server. It is called again if another server changes something meanwhile
   */
  #replace<Result>(
    name: string,
    decide: (known: Change | undefined) => { result: Result; to: Change | undefined },
  ): Promise<Result> {
    return this.#alone(async () => {
      for (;;) {
        await this.#looks.now();
        const { result, to } = decide(this.#changes.get(name));
        const isDone = await this.#parts.changes.replace(this.#version, name, to && JSON.stringify(to));
        if (!isDone) continue;
        await this.#looks.now();
        return result;
      }
    });
  }

  async #look(): Promise<void> {
    const { changes, roster } = this.#parts;
    const { version, texts } = await changes.read();
    if (version === this.#version) return;
    const decisions = new Map<string, Change>();
    const unreadable = new Map<string, string>();
    const entries: Listed[] = [];
    for (const [name, text] of texts) {
      const said = readChange(text);
      if (!said) {
        unreadable.set(name, text);
        if (this.#unreadable.get(name) !== text)
          this.#logger.error("A machine's change cannot be read", { name });
        continue;
      }
      decisions.set(name, said);
      if (said.entry) entries.push(...(await this.#listed(name, said.entry)));
    }
    // All at once: what is decided here must fit the version.
    this.#version = version;
    this.#changes = decisions;
    this.#unreadable = unreadable;
    roster.decide(decisions);
    await roster.list('api', entries);
  }

  async #listed(name: string, entry: MachineEntry): Promise<Listed[]> {
    try {
      return [await listed(entry)];
    } catch (error) {
      // For example, the CA file exists only on the other server.
      this.#logger.error('Instance cannot be used', { name, problem: messageOf(error) });
      return [];
    }
  }
}

/** @throws AppError `INVALID_PARAMETER` */
async function readEntry(entry: MachineEntry): Promise<Listed> {
  try {
    return await listed(entry);
  } catch (error) {
    const [parameter = 'url', ...rest] = messageOf(error).split(': ');
    throw invalidParameter(parameter, rest.join(': '));
  }
}

const nameOf = (one: Listed) => ('machine' in one ? one.machine.address.id : one.dns.text);

const exists = (name: string) => new AppError('INSTANCE_EXISTS', `The instance ${name} already exists.`);

const readChange = (text: string): Change | undefined => change.safeParse(jsonIfValid(text)).data;
