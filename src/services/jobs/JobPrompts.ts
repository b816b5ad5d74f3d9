import { v4 as uuid } from 'uuid';
import { PromptError } from '../../errors.js';
import type { PromptResult, PromptRun, RunListener } from '../comfyui/PromptRun.js';
import type { FoundPrompt, PromptRunner } from '../comfyui/PromptRunner.js';
import type { Instance } from '../instances/Instance.js';
import { NodeSpans } from '../tracing/NodeSpans.js';
import type { Tracing } from '../tracing/Tracing.js';
import type { FailedTry, LeftPrompt, ProcessingJob } from './Job.js';
import type { JobManager } from './JobManager.js';
import type { JobPlace } from './JobPlace.js';
import { areOwn, wrongResult } from './ownFiles.js';

/** The parameters of a run, independent of the prompt's id. */
export type PromptPlan = Omit<PromptRun, 'promptId'>;

interface Parts {
  readonly manager: Pick<JobManager, 'runs'>;
  readonly prompts: PromptRunner;
  readonly instances: readonly Instance[];
  readonly tracing: Tracing;
}

/** One attempt of a job. */
interface Attempt {
  readonly job: ProcessingJob;
  readonly place: JobPlace;
  readonly plan: PromptPlan;
  readonly listener: RunListener;
  readonly signal: AbortSignal;
}

/** The prompt of an earlier attempt, and where it is. */
interface Earlier {
  readonly found: FoundPrompt;
  readonly instance: Instance;
  readonly of: FailedTry;
}

/** Runs the prompt of a job, or continues that of an earlier attempt. */
export class JobPrompts {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    parts.manager.runs.whenLeft((left) => this.#takeBack(left));
  }

  /**
   * A prompt of an earlier attempt is continued if a machine has it after all. The job then moves to that machine, and the
   * prompt ends like any other: a failure is the job's, and nothing runs twice.
   * @throws PromptError, or the signal's reason
   */
  async run(attempt: Attempt): Promise<PromptResult> {
    const earlier = await this.#earlier(attempt);
    return earlier ? this.#resume(earlier, attempt) : this.#execute(attempt);
  }

  async #execute(attempt: Attempt): Promise<PromptResult> {
    const { prompts } = this.#parts;
    const { client } = attempt.place.instance;
    const result = await this.#own(uuid(), attempt, (run, listener) =>
      prompts.run(client, run, listener, attempt.signal),
    );
    attempt.place.slot.completed(result.executionMs);
    return result;
  }

  /** Its time teaches nothing: another attempt saw its start. */
  async #resume({ found, instance, of }: Earlier, attempt: Attempt): Promise<PromptResult> {
    const { prompts, manager } = this.#parts;
    const { job, place, signal } = attempt;
    if (place.instance !== instance) await place.moveTo(instance);
    manager.runs.resume(job.id, of);
    try {
      return await this.#own(found.promptId, attempt, (run, listener) =>
        prompts.resume(found, run, listener, signal),
      );
    } catch (error) {
      if (error instanceof PromptError) error.isCounted = !of.isFree;
      throw error;
    }
  }

  /** Finds a prompt that an earlier attempt left on a machine, which may not have responded then. */
  async #earlier({ job, plan, signal }: Attempt): Promise<Earlier | undefined> {
    const { prompts, instances } = this.#parts;
    for (const of of job.failedTries) {
      const instance = instances.find(({ host }) => host === of.instance);
      if (!instance || of.leftBehind === undefined) continue;
      // In that case the machine is not at fault and has the prompt: it may just be busy.
      const silenceMs = of.failure === 'server gone' ? plan.limits.executionMs : 0;
      const found = await prompts.find(instance.client, of.leftBehind, signal, silenceMs);
      if (found) return { found, instance, of };
    }
    return undefined;
  }

  /** Their jobs have ended. A server that no longer runs may have left them. */
  #takeBack(left: readonly LeftPrompt[]): void {
    const { prompts, instances } = this.#parts;
    for (const { instance: host, promptId, isFollowed } of left) {
      const instance = instances.find((one) => one.host === host);
      if (instance) prompts.takeBack(instance.client, promptId, isFollowed);
    }
  }

  /** The result of a prompt, which must be its own. */
  async #own(
    promptId: string,
    { plan, listener }: Attempt,
    follow: (run: PromptRun, listener: RunListener) => Promise<PromptResult>,
  ): Promise<PromptResult> {
    const run = { ...plan, promptId };
    const result = await this.#traced(listener, promptId, (traced) => follow(run, traced));
    if (await areOwn(result.outputs, promptId)) return result;
    throw wrongResult();
  }

  /** Follows a prompt, with a span for it and for each of its nodes. */
  #traced<T>(
    listener: RunListener,
    promptId: string,
    follow: (listener: RunListener) => Promise<T>,
  ): Promise<T> {
    const { tracing } = this.#parts;
    const attributes = { 'comfyui.prompt_id': promptId };
    return tracing.trace('comfyui.prompt', { attributes }, async (span) => {
      const nodes = new NodeSpans(tracing, span);
      const onProgress: RunListener['onProgress'] = (progress) => {
        nodes.works(progress.node);
        listener.onProgress(progress);
      };
      try {
        return await follow({ ...listener, onProgress });
      } finally {
        nodes.end();
      }
    });
  }
}
