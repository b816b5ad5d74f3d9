import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

/**
 * Excludes instances on which every prompt fails until ComfyUI is restarted. They get no jobs until a restart is
 * detected, or someone closes their breaker manually. Their health checks pass, so each job sent there would be wasted.
 */
export class GpuFaults {
  readonly #isConnected: (host: string) => boolean;
  readonly #clock: Clock;
  readonly #logger: Logger;

  /** @param isConnected whether there is an open socket to a host */
  constructor(isConnected: (host: string) => boolean, clock: Clock, logger: Logger) {
    this.#isConnected = isConnected;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Reports a prompt that failed with such a fault. @param message of the failure */
  report(instance: Instance, message: string): void {
    if (instance.health.problem?.kind === 'GPU fault') return;
    const reason = 'its GPU failed, and only a restart of ComfyUI helps';
    // Only the log has the message: it may quote a prompt, and everyone may read the health.
    const [error = ''] = message.split('\n', 1);
    instance.health.problem = { kind: 'GPU fault', since: this.#clock.now(), reason, wasGone: false };
    this.#logger.error('Instance gets no jobs', { instance: instance.host, reason, error: error.trim() });
  }

  /** Notes that an instance does not respond. A busy process may not respond either, but keeps its sockets open. */
  noteSilence({ host, health }: Instance): void {
    if (health.problem?.kind !== 'GPU fault' || this.#isConnected(host)) return;
    health.problem = { ...health.problem, wasGone: true };
  }

  /** Notes that an instance responds again. */
  noteReturn({ host, health }: Instance): void {
    if (health.problem?.kind !== 'GPU fault' || !health.problem.wasGone) return;
    health.problem = undefined;
    this.#logger.info('Instance was restarted after a fault of its GPU', { instance: host });
  }
}
