import { setTimeout as delay } from 'node:timers/promises';
import type {
  JobQueue,
  Picker,
  QueueEntry,
  QueueSize,
  Releasable,
  Taken,
} from '../../src/services/queue/JobQueue.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';

type QueueMethod = Exclude<keyof JobQueue, 'onWaiting'> | 'done' | 'putBack';

/** A queue with a delay per call, as over a network. Tests can make calls fail. */
export class DistantQueue implements JobQueue {
  readonly #queue = new MemoryJobQueue();
  readonly #calls = new Map<QueueMethod, number>();
  readonly #roundTripMs: number;
  /** Whether a call is rejected, by its number from 1. */
  isRefused: (method: QueueMethod, call: number) => boolean = () => false;

  constructor(roundTripMs: number) {
    this.#roundTripMs = roundTripMs;
  }

  /** The number of calls of a method. */
  calls(method: QueueMethod): number {
    return this.#calls.get(method) ?? 0;
  }

  add(entry: QueueEntry): Promise<number> {
    return this.#call('add', () => this.#queue.add(entry));
  }

  remove(id: string): Promise<boolean> {
    return this.#call('remove', () => this.#queue.remove(id));
  }

  size(): Promise<QueueSize> {
    return this.#call('size', () => this.#queue.size());
  }

  position(id: string): Promise<number> {
    return this.#call('position', () => this.#queue.position(id));
  }

  async take<T extends Releasable>(picker: Picker<T>): Promise<Taken<T> | undefined> {
    const taken = await this.#call('take', () => this.#queue.take(picker));
    return (
      taken && {
        ...taken,
        done: () => this.#call('done', () => taken.done()),
        putBack: (changed) => this.#call('putBack', () => taken.putBack(changed)),
      }
    );
  }

  show(picker: Picker<Releasable>): Promise<void> {
    return this.#call('show', () => this.#queue.show(picker));
  }

  onWaiting(listener: () => void): () => void {
    return this.#queue.onWaiting(listener);
  }

  async #call<T>(method: QueueMethod, work: () => Promise<T>): Promise<T> {
    const call = this.calls(method) + 1;
    this.#calls.set(method, call);
    await delay(this.#roundTripMs);
    if (this.isRefused(method, call)) throw new Error(`${method} was refused`);
    const answer = await work();
    await delay(this.#roundTripMs);
    return answer;
  }
}
