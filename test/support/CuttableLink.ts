import type { JobEvents } from '../../src/services/queue/JobEvents.js';
import type { JobQueue } from '../../src/services/queue/JobQueue.js';
import type { JobStore } from '../../src/services/queue/JobStore.js';
import { MemoryJobEvents } from '../../src/services/queue/memory/MemoryJobEvents.js';
import type { ServiceOverrides } from '../../src/services/ServiceOverrides.js';
import { silentLogger } from '../../src/utils/logger.js';

/** What servers share. */
interface Shared {
  readonly jobStore: JobStore;
  readonly jobQueue: JobQueue;
  readonly jobEvents: JobEvents;
}

/** The link of one server to what it shares with others. While it is cut, calls are rejected and other servers' events are lost. */
export class CuttableLink {
  isCut = false;
  /** While set, the server takes no jobs from the queue. */
  takesNothing = false;
  readonly #refused = new Map<string, number>();

  /** Number of calls of a method that were rejected. */
  refused(method: string): number {
    return this.#refused.get(method) ?? 0;
  }

  /** The shared parts, as this server reaches them. */
  to({ jobStore, jobQueue, jobEvents }: Shared): Pick<ServiceOverrides, keyof Shared> {
    return {
      jobStore: this.#over(jobStore),
      jobQueue: this.#queue(jobQueue),
      jobEvents: this.#events(jobEvents),
    };
  }

  #queue(queue: JobQueue): JobQueue {
    const reached = this.#over(queue);
    const take: JobQueue['take'] = async (picker) => {
      if (this.takesNothing) return undefined;
      const taken = await reached.take(picker);
      return taken && this.#over(taken);
    };
    return new Proxy(reached, {
      get: (target, name) => (name === 'take' ? take : Reflect.get(target, name)),
    });
  }

  #events(events: JobEvents): JobEvents {
    const heard =
      <A extends unknown[]>(listener: (...event: A) => void) =>
      (...event: A) => {
        if (!this.isCut) listener(...event);
      };
    const own = new MemoryJobEvents(silentLogger);
    return {
      get listeners() {
        return events.listeners;
      },
      publish: (kind, event) => (this.isCut ? own : events).publish(kind, event),
      subscribe: (kind, listener, from) => {
        const both = [own.subscribe(kind, listener), events.subscribe(kind, heard(listener), from)];
        return () => {
          for (const remove of both) remove();
        };
      },
      follow: async (id, listener, onRemoved) => {
        const both = [
          await own.follow(id, listener, onRemoved),
          await events.follow(id, heard(listener), onRemoved && heard(onRemoved)),
        ];
        return () => {
          for (const remove of both) remove();
        };
      },
    };
  }

  #over<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (!this.isCut) return value.apply(target, args);
          this.#refused.set(String(name), this.refused(String(name)) + 1);
          return Promise.reject(new Error(`${String(name)} does not get through`));
        };
      },
    });
  }
}
