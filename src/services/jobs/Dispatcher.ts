import { CostlyLook } from '../../utils/CostlyLook.js';
import type { Clock } from '../../utils/clock.js';
import { IndexedHeap } from '../../utils/IndexedHeap.js';
import { keepNewest } from '../../utils/keepNewest.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { Instance } from '../instances/Instance.js';
import type { LoadBalancer, Slot } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';
import type { Assignment, Outlook, Prospect, WaitReason } from '../instances/scheduling/types.js';
import type { Picker, QueueEntry, Releasable } from '../queue/JobQueue.js';
import type { MachineUpdates } from '../queue/MachineUpdates.js';
import type { FleetComparison } from './FleetComparison.js';
import { DEADLINE_EXCEEDED, TOO_LARGE } from './failures.js';
import type { JobFailure } from './Job.js';
import type { SharedSlot } from './SharedSlots.js';

/** A slot on the machine that was chosen for a job. */
export interface ChosenSlot extends SharedSlot<ChosenSlot> {
  /** Records that the job starts, and tells the other servers. Call it when the slot is leased for all servers. */
  begin(): void;
  /**
   * Records that the machine has completed the job. Call it before `release`. @param executionMs undefined if it was not measured
   */
  completed(executionMs: number | undefined): void;
}

/** What a job waits for. */
export interface Waiting {
  readonly reason: WaitReason;
  /** Why no machine can run the job; only if that is the case. */
  readonly why?: string;
  /** Undefined if unknown. */
  readonly jobsAhead?: number | undefined;
  /** Milliseconds until its result; undefined if unknown. */
  readonly expectedMs?: number | undefined;
}

const NO_MACHINE = 'no machine can run it' satisfies WaitReason;

/** An entry that is taken from the queue to fail its job. */
export interface Refusal extends Releasable {
  readonly failure: JobFailure;
}

interface Parts {
  readonly scheduler: Scheduler;
  /** Sends updates about machines to other servers, if there are any. */
  readonly updates: MachineUpdates | undefined;
  readonly balancer: LoadBalancer;
  readonly workflows: WorkflowCatalogue;
  readonly graphs: Pick<GraphMachines, 'enter' | 'leave'>;
  /** Whether another server may have a machine that this one does not know. */
  readonly comparison: Pick<FleetComparison, 'isComplete'>;
  readonly clock: Clock;
}

/** Picks the jobs to take from the queue: the scheduler's choice, and jobs that no machine can run anymore. */
export class Dispatcher implements Picker<ChosenSlot | Refusal> {
  readonly #parts: Parts;
  /** Whether this server's own limits allow another job to start. */
  readonly #hasPlace: () => boolean;
  /** Waiting entries by type, the largest file first: if any file is too large, that one is. */
  readonly #largest = new Map<string, IndexedHeap<QueueEntry>>();
  readonly #entries = new Map<string, QueueEntry>();
  /** Cached for all callers for a short time, because many clients poll many jobs. */
  readonly #prospects: CostlyLook<ReadonlyMap<string, Prospect>>;
  /** Jobs with a slot that did not start yet: other servers may make another choice better. */
  readonly #chosenJobs = new Set<string>();
  /** The latest assignments, by job id. */
  readonly #assignments = new Map<string, Assignment>();

  constructor(parts: Parts, hasPlace: () => boolean) {
    this.#parts = parts;
    this.#hasPlace = hasPlace;
    const { scheduler, balancer, clock } = parts;
    this.#prospects = new CostlyLook(() => scheduler.prospects(balancer.views(), clock.now()));
  }

  /** Whether the deadline of a waiting job has passed. */
  get isOverdue(): boolean {
    return (this.nextDeadline ?? Number.POSITIVE_INFINITY) < this.#parts.clock.now();
  }

  /** The next deadline of a waiting job, epoch ms. */
  get nextDeadline(): number | undefined {
    return this.#parts.scheduler.nextDeadline;
  }

  /** Why a job waits; undefined if it does not wait, or if this server does not see it. */
  outlook(id: string): Outlook | undefined {
    const { scheduler, balancer, clock } = this.#parts;
    return scheduler.outlook(id, balancer.views(), clock.now(), () => this.#prospects.get());
  }

  /** What a job waits for; undefined if it does not wait, or if this server does not see it. */
  waiting(id: string): Waiting | undefined {
    const { balancer } = this.#parts;
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    const kind = kindOf(entry);
    if (!balancer.canRun(kind)) return { reason: NO_MACHINE, why: balancer.whyNot(kind) };
    const prospect = this.#prospects.get().get(id);
    if (!prospect) return { reason: 'waits for its turn' };
    const { reason, jobsAhead, expectedMs } = prospect;
    return { reason, jobsAhead, expectedMs };
  }

  /** Why a job was last assigned to its machine; undefined if it started long ago, or on another server. */
  assignment(id: string): Assignment | undefined {
    return this.#assignments.get(id);
  }

  enter(entry: QueueEntry, isAgain: boolean): void {
    this.leave(entry.id);
    const { id, type, largest, tried, client = '', priority = 0, deadline, since } = entry;
    const { scheduler, workflows, graphs, clock } = this.#parts;
    if (entry.needs) graphs.enter(entry.needs);
    const { models = [] } = entry.needs ?? workflows.get(type)?.requires ?? {};
    const kind = kindOf(entry);
    const enqueuedAt = since ?? clock.now();
    scheduler.add({
      id,
      workflow: kind,
      largest,
      client,
      priority,
      models: models.map(({ model }) => model),
      enqueuedAt,
      avoid: tried,
      isAgain: isAgain || tried.size > 0,
      // Servers of older versions keep the deadline of a job that has begun.
      deadline: tried.size === 0 ? deadline : undefined,
    });
    this.#entries.set(id, entry);
    const sizes = this.#largest.get(kind) ?? new IndexedHeap<QueueEntry>((a, b) => a.largest > b.largest);
    this.#largest.set(kind, sizes);
    sizes.place(entry);
  }

  leave(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    if (entry.needs) this.#parts.graphs.leave(entry.needs);
    if (!this.#chosenJobs.has(id)) this.#parts.scheduler.remove(id);
    const kind = kindOf(entry);
    const sizes = this.#largest.get(kind);
    sizes?.remove(entry);
    if (sizes?.size === 0) this.#largest.delete(kind);
  }

  more(counts: ReadonlyMap<string, number>): void {
    const { scheduler } = this.#parts;
    const kinds = new Map<string, string[]>();
    for (const entry of this.#entries.values()) {
      if (!counts.has(entry.type)) continue;
      const known = kinds.get(entry.type) ?? [];
      known.push(kindOf(entry));
      kinds.set(entry.type, known);
    }
    const hidden = new Map<string, number>();
    // The other graphs of clients are probably of the same kinds as the known ones.
    for (const [type, count] of counts) {
      const known = kinds.get(type) ?? [type];
      for (const kind of known) hidden.set(kind, (hidden.get(kind) ?? 0) + count / known.length);
    }
    scheduler.setHidden(hidden);
  }

  pick(): { id: string; chosen: ChosenSlot | Refusal } | undefined {
    const { scheduler, clock } = this.#parts;
    const late = scheduler.takeOverdue(clock.now());
    if (late) return { id: late.id, chosen: refusal(DEADLINE_EXCEEDED) };
    const tooLarge = this.#tooLarge();
    if (tooLarge) return { id: tooLarge.id, chosen: refusal(TOO_LARGE) };
    return this.#hasPlace() ? this.#choose() : undefined;
  }

  /** @param only id of the job to choose; `undefined` for whichever is next */
  #choose(only?: string): { id: string; chosen: ChosenSlot } | undefined {
    const { scheduler, balancer, clock } = this.#parts;
    const views = balancer.views();
    const assignment = scheduler.decide(views, clock.now());
    if (!assignment || (only !== undefined && assignment.job.id !== only)) return undefined;
    const { machine, job } = assignment;
    const slot = balancer.acquire(machine);
    if (!slot) return undefined;
    this.#chosenJobs.add(job.id);
    const ofServers = views.find(({ id }) => id === machine)?.ofServers ?? 0;
    return { id: job.id, chosen: this.#chosen(slot, assignment, ofServers) };
  }

  /** @param isMoved whether the job has begun on another machine */
  #chosen(slot: Slot, assignment: Assignment, ofServers: number, isMoved = false): ChosenSlot {
    const { scheduler, updates, clock } = this.#parts;
    const { machine, job } = assignment;
    let isHeld = true;
    let hasBegun = isMoved;
    let hasCompleted = false;
    let executionMs: number | undefined;
    return {
      ...slot,
      ofServers,
      again: () => {
        isHeld = false;
        slot.release();
        const next = this.#choose(job.id);
        if (!next) this.#giveUp(job.id);
        return next?.chosen;
      },
      begin: () => {
        hasBegun = true;
        this.#chosenJobs.delete(job.id);
        keepNewest(this.#assignments, job.id, assignment, REMEMBERED);
        const expectedMs = scheduler.begin(assignment, clock.now());
        const loaded = job.models.length === 0 ? undefined : job.models;
        const isLate = assignment.reason === 'skipped for too long';
        updates?.publish({
          machine,
          loaded,
          started: { job: job.id, client: job.client, expectedMs, isLate },
        });
      },
      moveTo: async (instance) => {
        isHeld = false;
        slot.release();
        return this.#moved(assignment, instance);
      },
      completed: (ms) => {
        hasCompleted = true;
        executionMs = ms;
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        if (!hasBegun) this.#giveUp(job.id);
        const execution = scheduler.end(job.id, hasCompleted, clock.now(), executionMs);
        if (hasBegun && updates) {
          const mayBeUnloaded = !execution && job.models.length > 0;
          const loaded = mayBeUnloaded ? scheduler.knowledgeOf(machine).loaded : undefined;
          updates.publish({ machine, ended: job.id, execution, loaded });
        }
        slot.release();
      },
    };
  }

  /** A job that has begun continues on another machine. */
  #moved(assignment: Assignment, instance: Instance): ChosenSlot {
    const { scheduler, balancer, updates, clock } = this.#parts;
    const { job, machine } = assignment;
    const { host } = instance;
    // Its reasons were those for the other machine.
    this.#assignments.delete(job.id);
    const expectedMs = scheduler.move(job.id, host, clock.now());
    updates?.publish({ machine, ended: job.id });
    updates?.publish({ machine: host, started: { job: job.id, client: job.client, expectedMs } });
    return this.#chosen(balancer.join(instance), { ...assignment, machine: host }, 0, true);
  }

  /** A chosen job does not start. It waits as before if its entry is still in the queue. */
  #giveUp(id: string): void {
    this.#chosenJobs.delete(id);
    if (!this.#entries.has(id)) this.#parts.scheduler.remove(id);
  }

  /** A job that no machine accepts: waiting does not help. */
  #tooLarge(): QueueEntry | undefined {
    if (!this.#parts.comparison.isComplete) return undefined;
    for (const { first } of this.#largest.values()) {
      if (first && this.#parts.balancer.isTooLarge(kindOf(first), first.largest)) return first;
    }
    return undefined;
  }
}

/** The key for machines and estimates: all graphs of clients have the same type. */
const kindOf = ({ type, needs }: QueueEntry) => needs?.key ?? type;

/** Number of assignments kept for `/info`. */
const REMEMBERED = 1000;

const refusal = (failure: JobFailure): Refusal => ({ failure, release: () => undefined });
