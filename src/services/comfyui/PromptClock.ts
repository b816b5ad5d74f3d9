import { PromptError } from '../../errors.js';

/** How long a prompt may take on an instance; milliseconds. */
export interface RunLimits {
  /** From the moment ComfyUI begins to execute the prompt. */
  readonly executionMs: number;
  /** In ComfyUI's own queue, behind other prompts; 0 for no limit. */
  readonly queueMs: number;
  /** Whether another instance could have the prompt: otherwise it may wait on. */
  canMove(): boolean;
}

/** Measures one prompt against its limits. Waiting in ComfyUI's own queue is not execution. */
export class PromptClock {
  readonly #limits: RunLimits;
  #waitingSince = Number.POSITIVE_INFINITY;
  #startedAt: number | undefined;

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  /** ComfyUI accepted the prompt. */
  submitted(): void {
    this.#waitingSince = performance.now();
  }

  /** ComfyUI executes the prompt. */
  start(): void {
    this.#startedAt ??= performance.now();
  }

  /** Milliseconds since ComfyUI began; undefined where that was not seen. */
  get executionMs(): number | undefined {
    return this.#startedAt === undefined ? undefined : performance.now() - this.#startedAt;
  }

  /**
   * @param isSilent the instance does not answer at present
   * @returns milliseconds until the next limit; at least 1
   * @throws PromptError when a limit is reached
   */
  check(isSilent: boolean): number {
    const { executionMs, queueMs } = this.#limits;
    const now = performance.now();
    if (this.#startedAt !== undefined) {
      const left = this.#startedAt + executionMs - now;
      if (left > 0) return Math.max(1, left);
      const seconds = executionMs / 1000;
      // Whether it runs at all is not known then, and the prompt is not at fault.
      if (isSilent)
        throw new PromptError('no answer', `The machine was silent for up to ${seconds} seconds.`);
      throw new PromptError('ran too long', `The job ran longer than ${seconds} seconds and was stopped.`);
    }
    if (queueMs === 0) return executionMs;
    const left = this.#waitingSince + queueMs - now;
    if (left > 0) return Math.max(1, left);
    if (this.#limits.canMove()) {
      throw new PromptError(
        'queued too long',
        `The prompt waited ${queueMs / 1000} seconds in ComfyUI's queue.`,
      );
    }
    this.#waitingSince = now;
    return queueMs;
  }
}
