import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

/**
 * Sets instances aside on which every prompt fails until ComfyUI is restarted. They get no jobs until that was seen, or
 * somebody closes their breaker by hand: their checks go well, and each job that tried would be lost time.
 */
export class GpuFaults {
  readonly #isConnected: (host: string) => boolean;
  readonly #logger: Logger;

  /** @param isConnected whether there is an open socket to a host */
  constructor(isConnected: (host: string) => boolean, logger: Logger) {
    this.#isConnected = isConnected;
    this.#logger = logger;
  }

  /** A prompt met such a fault. @param message of its failure */
  report(instance: Instance, message: string): void {
    if (instance.health.problem?.kind === 'GPU fault') return;
    const [first = ''] = message.split('\n', 1);
    const reason = `its GPU failed, and only a restart of ComfyUI helps (${first.trim()})`;
    instance.health.problem = { kind: 'GPU fault', reason, wasGone: false };
    this.#logger.error('Instance gets no jobs', { instance: instance.host, reason });
  }

  /** An instance does not answer. One whose process is only busy does not either, but keeps its sockets. */
  noteSilence({ host, health }: Instance): void {
    if (health.problem?.kind !== 'GPU fault' || this.#isConnected(host)) return;
    health.problem = { ...health.problem, wasGone: true };
  }

  /** An instance answers that did not before. */
  noteReturn({ host, health }: Instance): void {
    if (health.problem?.kind !== 'GPU fault' || !health.problem.wasGone) return;
    health.problem = undefined;
    this.#logger.info('Instance was restarted after a fault of its GPU', { instance: host });
  }
}
