import { PromptError } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { IndexedHeap } from '../../utils/IndexedHeap.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { GraphMachines } from '../instances/GraphMachines.js';
import type { LoadBalancer, Slot } from '../instances/LoadBalancer.js';
import type { Scheduler } from '../instances/scheduling/Scheduler.js';
import type { Assignment, Outlook } from '../instances/scheduling/types.js';
import type { Picker, QueueEntry, Releasable } from '../queue/JobQueue.js';
import { DEADLINE_EXCEEDED, failureOf } from './failures.js';
import type { JobFailure } from './Job.js';

/** A place on the machine that was chosen for a job. */
export interface ChosenSlot extends Slot {
  /** The machine has done it. To be said before the place is given back. @param executionMs where it was measured */
  completed(executionMs: number | undefined): void;
}

/** What an entry is taken with that is to fail. */
export interface Refusal extends Releasable {
  readonly failure: JobFailure;
}

interface Parts {
  readonly scheduler: Scheduler;
  readonly balancer: LoadBalancer;
  readonly workflows: WorkflowCatalogue;
  readonly graphs: Pick<GraphMachines, 'watch'>;
  readonly clock: Clock;
}

/** Picks the jobs that are taken from the queue: the scheduler's choice, and what can have no machine any more. */
export class Dispatcher implements Picker<ChosenSlot | Refusal> {
  readonly #parts: Parts;
  /** Whether a job may begin now, as far as this server's limits go. */
  readonly #hasPlace: () => boolean;
  /** Waiting entries by type, that with the largest file first: it is the first that is too large. */
  readonly #largest = new Map<string, IndexedHeap<QueueEntry>>();
  readonly #entries = new Map<string, QueueEntry>();
  /** Of the jobs that began last, by id. */
  readonly #assignments = new Map<string, Assignment>();

  constructor(parts: Parts, hasPlace: () => boolean) {
    this.#parts = parts;
    this.#hasPlace = hasPlace;
  }

  /** Whether a job waits whose deadline has passed. */
  get isOverdue(): boolean {
    return (this.nextDeadline ?? Number.POSITIVE_INFINITY) < this.#parts.clock.now();
  }

  /** When the next deadline of a waiting job ends, epoch ms. */
  get nextDeadline(): number | undefined {
    return this.#parts.scheduler.nextDeadline;
  }

  /** Why a job waits; undefined for one that does not, or that this server does not see. */
  outlook(id: string): Outlook | undefined {
    const { scheduler, balancer, clock } = this.#parts;
    return scheduler.outlook(id, balancer.views(), clock.now());
  }

  /** Why a job was given to its machine last; undefined for one that began long ago, or on another server. */
  assignment(id: string): Assignment | undefined {
    return this.#assignments.get(id);
  }

  enter(entry: QueueEntry, isAgain: boolean): void {
    this.leave(entry.id);
    const { id, type, largest, tried, client = '', priority = 0, deadline, since, needs } = entry;
    const { scheduler, workflows, graphs, clock } = this.#parts;
    if (needs) graphs.watch(needs);
    const { models: required = [] } = needs ?? workflows.get(type)?.requires ?? {};
    const models = required.map(({ model }) => model);
    const enqueuedAt = since ?? clock.now();
    const isNew = !isAgain && tried.size === 0;
    // Once it was begun in time, its deadline was met.
    scheduler.add({
      id,
      workflow: kindOf(entry),
      largest,
      client,
      priority,
      models,
      enqueuedAt,
      avoid: tried,
      isAgain: !isNew,
      deadline: isNew ? deadline : undefined,
    });
    this.#entries.set(id, entry);
    const sizes =
      this.#largest.get(kindOf(entry)) ?? new IndexedHeap<QueueEntry>((a, b) => a.largest > b.largest);
    this.#largest.set(kindOf(entry), sizes);
    sizes.place(entry);
  }

  leave(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#parts.scheduler.remove(id);
    this.#entries.delete(id);
    const sizes = this.#largest.get(kindOf(entry));
    sizes?.remove(entry);
    if (sizes?.size === 0) this.#largest.delete(kindOf(entry));
  }

  pick(): { id: string; chosen: ChosenSlot | Refusal } | undefined {
    const { scheduler, balancer, clock } = this.#parts;
    const now = clock.now();
    const late = scheduler.takeOverdue(now);
    if (late) return { id: late.id, chosen: refusal(DEADLINE_EXCEEDED) };
    const tooLarge = this.#tooLarge();
    if (tooLarge) return { id: tooLarge.id, chosen: refusal(TOO_LARGE) };
    if (!this.#hasPlace()) return undefined;
    const assignment = scheduler.decide(balancer.views(), now);
    const slot = assignment && balancer.acquire(assignment.machine);
    if (!slot) return undefined;
    scheduler.begin(assignment, now);
    this.#remember(assignment);
    return { id: assignment.job.id, chosen: this.#chosen(slot, assignment) };
  }

  #chosen(slot: Slot, assignment: Assignment): ChosenSlot {
    const { scheduler, clock } = this.#parts;
    let isHeld = true;
    let hasCompleted = false;
    let executionMs: number | undefined;
    return {
      ...slot,
      completed: (ms) => {
        hasCompleted = true;
        executionMs = ms;
      },
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        scheduler.end(assignment.job.id, hasCompleted, clock.now(), executionMs);
        slot.release();
      },
    };
  }

  #remember(assignment: Assignment): void {
    this.#assignments.delete(assignment.job.id);
    this.#assignments.set(assignment.job.id, assignment);
    const [oldest] = this.#assignments.keys();
    if (oldest !== undefined && this.#assignments.size > REMEMBERED) this.#assignments.delete(oldest);
  }

  /** No machine accepts it, so that waiting is of no use. */
  #tooLarge(): QueueEntry | undefined {
    for (const { first } of this.#largest.values()) {
      if (first && this.#parts.balancer.isTooLarge(kindOf(first), first.largest)) return first;
    }
    return undefined;
  }
}

/** Jobs of which it is remembered why they went where they went. */
const REMEMBERED = 1000;

const TOO_LARGE = failureOf(
  new PromptError('upload too large', 'No ComfyUI instance accepts an upload of this size.'),
);

const refusal = (failure: JobFailure): Refusal => ({ failure, release: () => undefined });

/** By what machines are chosen for an entry: its workflow type, or what its own graph needs. */
const kindOf = ({ type, needs }: QueueEntry): string => needs?.key ?? type;
