import type { Logger } from '../../utils/logger.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { JobProcessor } from '../jobs/JobProcessor.js';
import type { Recorder } from './Recorder.js';

const MINUTE_MS = 60_000;

interface SummaryParts {
  readonly recorder: Recorder;
  readonly manager: JobManager;
  readonly processor: JobProcessor;
  readonly balancer: LoadBalancer;
}

/** Logs a summary once a minute while there are jobs. */
export class Summary {
  readonly #parts: SummaryParts;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #before = { completed: 0, failed: 0, cancelled: 0 };

  constructor(parts: SummaryParts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
  }

  start(): void {
    this.#before = this.#totals();
    this.#timer ??= setInterval(() => void this.#tell(), MINUTE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #totals(): { completed: number; failed: number; cancelled: number } {
    const { completed, failed, cancelled } = this.#parts.recorder.all;
    return { completed, failed, cancelled };
  }

  async #tell(): Promise<void> {
    const { manager, processor, balancer } = this.#parts;
    const now = this.#totals();
    const ended = {
      completed: now.completed - this.#before.completed,
      failed: now.failed - this.#before.failed,
      cancelled: now.cancelled - this.#before.cancelled,
    };
    this.#before = now;
    const waiting = await manager.figures.waiting();
    const isBusy = processor.activeJobs + waiting.jobs > 0;
    if (!isBusy && ended.completed + ended.failed + ended.cancelled === 0) return;
    this.#logger.info('Last minute', {
      ...ended,
      activeJobs: processor.activeJobs,
      pendingJobs: waiting.jobs,
      pendingBytes: waiting.bytes,
      healthyInstances: balancer.healthyCount,
      totalInstances: balancer.instances.length,
    });
  }
}
