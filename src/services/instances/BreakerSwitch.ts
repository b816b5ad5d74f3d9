import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

interface Parts {
  readonly instances: readonly Instance[];
  readonly checker: { recheck(instance: Instance): Promise<void> };
  /** Shares manual changes with other servers that use the same machines. */
  readonly forced:
    | {
        set(host: string, isForced: boolean): Promise<void>;
        onHosts(listener: (hosts: ReadonlySet<string>) => void): unknown;
      }
    | undefined;
}

/** Opens and closes breakers manually: on all servers that share their jobs. */
export class BreakerSwitch {
  readonly #parts: Parts;
  readonly #logger: Logger;

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
    parts.forced?.onHosts((hosts) => this.#follow(hosts));
  }

  /** Takes effect here immediately, and on all servers when this resolves, or after an outage. */
  async open(instance: Instance): Promise<void> {
    this.#open(instance);
    await this.#parts.forced?.set(instance.host, true);
  }

  /** Takes effect like `open`. When this resolves, pending jobs can run on the machine if it is healthy. */
  async close(instance: Instance): Promise<void> {
    this.#close(instance);
    await this.#parts.forced?.set(instance.host, false);
    await this.#parts.checker.recheck(instance);
  }

  /**
   * Applies manual changes of other servers. Only manually opened breakers are shared: each server also opens and
   * closes by its own experience.
   */
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
