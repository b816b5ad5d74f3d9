import type { PromptHold, StopVerdict } from '../comfyui/PromptHold.js';
import { isFinished, type Job, type ProcessingJob } from './Job.js';
import type { JobRuns } from './JobRuns.js';

/** This server's hold on a job that servers share, for one attempt. */
export class JobHold implements PromptHold {
  readonly recorded: Promise<boolean>;
  readonly #runs: JobRuns;
  readonly #attempt: ProcessingJob;
  readonly #renew: (() => Promise<boolean>) | undefined;
  #isOver = false;
  #onRecorded: (hasEnded: boolean) => void = () => undefined;

  /** @param renew see `Taken.renew` */
  constructor(runs: JobRuns, attempt: ProcessingJob, renew: (() => Promise<boolean>) | undefined) {
    this.#runs = runs;
    this.#attempt = attempt;
    this.#renew = renew;
    this.recorded = new Promise((resolve) => {
      this.#onRecorded = resolve;
    });
  }

  /** What the attempt means for the job is decided. */
  isOver(): void {
    const { id } = this.#attempt;
    this.#isOver = true;
    const hasEnded = this.#runs.hasEnded(id);
    void this.#runs.whenRecorded(id).then(() => this.#onRecorded(hasEnded));
  }

  async ask(promptId: string): Promise<StopVerdict> {
    try {
      const isHeld = this.#isOver ? undefined : await this.#renew?.();
      // For as long as a hold lasts, no other server can take the job over.
      if (isHeld === true) return 'may stop';
      const stored = await this.#runs.stored(this.#attempt.id);
      const mayBeTaken = this.#isOver || this.#renew !== undefined;
      const verdict = verdictOf(promptId, stored, { number: this.#attempt.attempts, mayBeTaken });
      // Whoever takes the job next continues the prompt. It may need the slot of this attempt, which must not wait for it.
      return isHeld === false && verdict === 'unknown' ? 'is wanted' : verdict;
    } catch {
      return 'unknown';
    }
  }
}

/**
 * What the record of a job says about a prompt of an attempt.
 * @param stored undefined if the job does not exist any more
 * @param attempt that submitted or continued the prompt, and whether any server may take the job now
 */
function verdictOf(
  promptId: string,
  stored: Job | undefined,
  attempt: { readonly number: number; readonly mayBeTaken: boolean },
): StopVerdict {
  if (!stored || isFinished(stored)) return 'may stop';
  if (stored.status === 'pending') {
    // Whoever takes it looks for this prompt.
    return stored.failedTries.some(({ leftBehind }) => leftBehind === promptId) ? 'unknown' : 'may stop';
  }
  if (stored.attempts <= attempt.number) return attempt.mayBeTaken ? 'unknown' : 'may stop';
  const { promptId: current } = stored.assignment;
  // It looks for the prompts of earlier attempts first.
  if (current === undefined) return 'unknown';
  return current === promptId ? 'is wanted' : 'may stop';
}
