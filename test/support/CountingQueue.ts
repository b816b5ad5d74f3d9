import type { Picker, Releasable, Taken } from '../../src/services/queue/JobQueue.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';

/** A queue that counts finished entries, and whose entries another server may hold. */
export class CountingQueue extends MemoryJobQueue {
  done = 0;
  /** Whether this server's hold of its entries has expired: returning them then changes nothing, as in Redis. */
  isLost = false;

  override async take<T extends Releasable>(picker: Picker<T>): Promise<Taken<T> | undefined> {
    const taken = await super.take(picker);
    if (!taken) return undefined;
    const done = () => {
      this.done += 1;
      return taken.done();
    };
    const putBack: Taken<T>['putBack'] = async (changed) => {
      if (!this.isLost) await taken.putBack(changed);
    };
    return { ...taken, done, putBack };
  }
}
