import { PromptError } from '../../errors.js';

/** Time limits of a prompt on an instance; milliseconds. */
export interface RunLimits {
  /** From the start of the execution in ComfyUI. */
  readonly executionMs: number;
  /** In ComfyUI's own queue, behind other prompts; 0 for no limit. */
  readonly queueMs: number;
  /** Whether another instance could run the prompt: otherwise it continues to wait. */
  canMove(): boolean;
}

/** Measures a prompt against its limits. Waiting in ComfyUI's own queue is not execution. */
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

  /** Milliseconds since ComfyUI started the prompt; undefined if the start was not seen. */
  get executionMs(): number | undefined {
    return this.#startedAt === undefined ? undefined : performance.now() - this.#startedAt;
  }

  /**
   * @returns milliseconds until the next limit; at least 1. 'to be moved' if the prompt has waited too long in ComfyUI's queue
   * and another instance could run it. 'over' if the limit of the execution is reached
   */
  check(): number | 'to be moved' | 'over' {
    const { executionMs, queueMs } = this.#limits;
    const now = performance.now();
    if (this.#startedAt !== undefined) {
      const left = this.#startedAt + executionMs - now;
      return left > 0 ? Math.max(1, left) : 'over';
    }
    if (queueMs === 0) return executionMs;
    const left = this.#waitingSince + queueMs - now;
    if (left > 0) return Math.max(1, left);
    if (this.#limits.canMove()) return 'to be moved';
    this.#waitingSince = now;
    return queueMs;
  }

  /** @param isSilent the instance does not respond at present */
  overError(isSilent: boolean): PromptError {
    const seconds = this.#limits.executionMs / 1000;
    // It is unknown whether it runs at all, and the prompt is not at fault.
    return isSilent
      ? new PromptError('no answer', `The machine did not respond for up to ${seconds} seconds.`)
      : new PromptError('ran too long', `The job ran longer than ${seconds} seconds and was interrupted.`);
  }
}
