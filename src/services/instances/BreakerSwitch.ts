import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

interface Parts {
  readonly instances: readonly Instance[];
  readonly checker: { recheck(instance: Instance): Promise<void> };
  /** Where other servers give the same machines jobs: what was switched by hand there, and is here. */
  readonly forced:
    | {
        set(host: string, isForced: boolean): Promise<void>;
        onHosts(listener: (hosts: ReadonlySet<string>) => void): unknown;
      }
    | undefined;
}

/** Opens and closes breakers by hand: on all servers where they share their jobs. */
export class BreakerSwitch {
  readonly #parts: Parts;
  readonly #logger: Logger;

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
    parts.forced?.onHosts((hosts) => this.#follow(hosts));
  }

  /** Holds here at once, and on all servers when this resolves, or when they can be told again. */
  async open(instance: Instance): Promise<void> {
    this.#open(instance);
    await this.#parts.forced?.set(instance.host, true);
  }

  /** The same. Jobs that wait may go there when this resolves, if the machine is well. */
  async close(instance: Instance): Promise<void> {
    this.#close(instance);
    await this.#parts.forced?.set(instance.host, false);
    await this.#parts.checker.recheck(instance);
  }

  /** Only what is open by hand is told of: each server opens and closes by its own experience, too. */
  #follow(hosts: ReadonlySet<string>): void {
    const elsewhere = { elsewhere: true };
    for (const instance of this.#parts.instances) {
      const isForced = hosts.has(instance.host);
      if (isForced === instance.breaker.isForced) continue;
      if (isForced) this.#open(instance, elsewhere);
      else {
        this.#close(instance, elsewhere);
        void this.#parts.checker.recheck(instance);
      }
    }
  }

  #open({ breaker, host }: Instance, fields: object = {}): void {
    breaker.forceOpen();
    this.#logger.warn('Circuit breaker opened manually', { instance: host, ...fields });
  }

  #close({ breaker, host }: Instance, fields: object = {}): void {
    breaker.close();
    this.#logger.warn('Circuit breaker closed manually', { instance: host, ...fields });
  }
}
