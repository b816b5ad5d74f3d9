import { isQueueAway, messageOf, PromptError, reasonOf } from '../../errors.js';
import { unlessAborted } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import type { WritableJson } from '../../utils/losslessJson.js';
import type { GraphFile } from '../../workflows/graph.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import { type ImageInput, imageNodes } from '../../workflows/imageNodes.js';
import type { Workflow } from '../../workflows/types.js';
import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import type { RunLimits } from '../comfyui/PromptClock.js';
import type { PromptResult, RunListener } from '../comfyui/PromptRun.js';
import type { PromptRunner } from '../comfyui/PromptRunner.js';
import type { Instance } from '../instances/Instance.js';
import type { Tracing } from '../tracing/Tracing.js';
import { type FinishedOutput, finishOutputs, type OutputPlan } from './finishOutputs.js';
import { type FileLoader, graphFiles, largestOf } from './graphFiles.js';
import type { ProcessingJob } from './Job.js';
import type { JobHold } from './JobHold.js';
import type { JobManager } from './JobManager.js';
import type { JobMessages } from './JobMessages.js';
import type { JobPlace } from './JobPlace.js';
import { JobPrompts, type PromptPlan } from './JobPrompts.js';
import { logFields } from './jobLog.js';
import { LiveAttempt } from './LiveAttempt.js';
import type { LiveJobs } from './LiveJobs.js';
import type { OutputFiles } from './OutputFiles.js';
import { type OutputIntake, OutputNotStored } from './OutputIntake.js';
import type { PromptSecrets } from './PromptSecrets.js';

/** The state of one attempt of a job. */
interface Attempt {
  readonly place: JobPlace;
  readonly limits: RunLimits;
  readonly signal: AbortSignal;
  readonly intake: OutputIntake | undefined;
  readonly hold: JobHold | undefined;
}

interface RunnerParts {
  readonly manager: JobManager;
  readonly prompts: PromptRunner;
  readonly instances: readonly Instance[];
  /** Passes on the machines' messages about jobs. */
  readonly messages: JobMessages;
  /** Details of jobs whose clients get steps and previews. */
  readonly live: LiveJobs;
  readonly imageInput: ImageInput;
  readonly secrets: Pick<PromptSecrets, 'get'>;
  /** Saves results on disk, if configured. */
  readonly outputFiles: OutputFiles | undefined;
  /** Creates the receiver for the outputs of one attempt, if outputs are stored outside of memory. */
  readonly newIntake: (() => OutputIntake) | undefined;
  /** Maximum width x height of a result that is decoded. */
  readonly maxOutputPixels: number;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/** Processes a job on its instance: prepares files, runs the prompt, finishes the outputs and completes the job. */
export class JobRunner {
  readonly #parts: RunnerParts;
  readonly #prompts: JobPrompts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#prompts = new JobPrompts(parts);
  }

  /**
   * Runs the job to its completion. The slot is released as soon as the instance is done, so that the next prompt starts while
   * the outputs are finished here.
   * @param place moves to the machine that has the prompt of an earlier attempt, if that is resumed
   * @param hold if servers share jobs
   * @throws PromptError, AppError, LeavePrompt, or the signal's reason
   */
  async run(
    job: ProcessingJob,
    place: JobPlace,
    { limits, hold }: { limits: RunLimits; hold: JobHold | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const intake = this.#parts.newIntake?.();
    try {
      await this.#run(job, { place, limits, signal, intake, hold });
    } catch (error) {
      if (!(error instanceof OutputNotStored)) throw error;
      await this.#parts.manager.failUnstored(job, error.cause);
    } finally {
      this.#parts.live.end(job.id);
      intake?.release();
    }
  }

  async #run(job: ProcessingJob, { place, limits, signal, intake, hold }: Attempt): Promise<void> {
    const { manager, imageInput, secrets, tracing } = this.#parts;
    const { workflow } = job.request;
    const load: FileLoader = {
      whole: (file) => manager.inputs.whole(file),
      stored: (file) => manager.inputs.stored(file),
    };
    const files = await tracing
      .trace('job.inputs', {}, () => graphFiles(job.request, workflow, imageInput, load))
      .catch(throwNotSent);
    const plan: PromptPlan = {
      graph: workflow.build(files, job.request.parameters, imageNodes(imageInput)),
      outputNodes: workflow.outputs.map(({ nodeId }) => nodeId),
      uploads: !workflow.isBuiltIn || imageInput === 'upload',
      extraData: new Map<string, WritableJson>([
        ...(workflow.extraData ?? []),
        ...secrets.get(job.request.secrets),
      ]),
      limits,
      receive: intake?.receive,
      hold,
    };
    const outputPlan = this.#outputPlan(workflow, job, files, intake);
    const live =
      workflow.type === GRAPH_TYPE
        ? new LiveAttempt(job, { live: this.#parts.live, results: manager.results }, outputPlan)
        : undefined;
    const listener = this.#listener(job, live);
    const ran = await this.#prompts
      .run({ job, place, plan, listener, signal })
      .catch(async (error: unknown) => {
        // A job that has failed gets no more outputs.
        if (live && !signal.aborted) await unlessAborted(live.settled(), signal);
        // A converted image may be many times as large as the client's.
        if (error instanceof PromptError) error.sentBytes = largestOf(files);
        return throwNotSent(error);
      });
    const { outputs, promptId, nodeTimes } = ran;
    place.slot.release();
    const finished = await tracing.trace('job.outputs', {}, () =>
      finishOutputs(outputs, outputPlan, live?.finished),
    );
    // At this point the job is not left to another server anymore.
    if (!(signal.reason instanceof LeavePrompt)) signal.throwIfAborted();
    await tracing.trace('job.store', {}, () => this.#store(job, { promptId, nodeTimes }, finished));
  }

  async #store(
    job: ProcessingJob,
    { promptId, nodeTimes }: Pick<PromptResult, 'promptId' | 'nodeTimes'>,
    finished: readonly FinishedOutput[],
  ): Promise<void> {
    await this.#save(job, finished);
    const [first, ...others] = finished.map(({ output }) => output);
    if (!first) throw new PromptError('no output', 'The prompt has no output.');
    const seen = nodeTimes.length > 0 ? nodeTimes : undefined;
    const result = { promptId, outputs: [first, ...others], nodeTimes: seen } as const;
    await this.#parts.manager.complete(
      job,
      result,
      finished.map(({ content }) => content),
    );
  }

  #listener(job: ProcessingJob, live: LiveAttempt | undefined): RunListener {
    const { manager, messages } = this.#parts;
    return {
      onSubmitting: manager.isShared ? (id) => manager.runs.announcePrompt(job.id, id) : undefined,
      onSubmitted: (id) => this.#note(job, manager.runs.recordPrompt(job.id, id)),
      machine: (promptId) => {
        const machine = messages.of(job.id, promptId, job.request.follower);
        return live?.alsoTelling(machine) ?? machine;
      },
      onStep: live?.onStep,
      onOutput: live?.onOutput,
      onProgress: ({ percentage, node }) => manager.runs.recordProgress(job.id, percentage, node?.classType),
    };
  }

  /** A failed write of the progress must not fail the job. */
  #note(job: ProcessingJob, written: Promise<void>): void {
    written.catch((error: unknown) => {
      this.#parts.logger.warn('Progress could not be stored', { ...logFields(job), error: reasonOf(error) });
    });
  }

  #outputPlan(
    workflow: Workflow,
    job: ProcessingJob,
    files: ReadonlyMap<string, GraphFile>,
    intake: OutputIntake | undefined,
  ): OutputPlan {
    const { type, format, parameters } = job.request;
    return {
      outputs: workflow.outputs,
      imageName: workflow.isBuiltIn ? `${type}-${job.id}` : undefined,
      format,
      image: {
        cropToSubject: workflow.finish?.(parameters).cropToSubject === true,
        transparencyOf: workflow.isBuiltIn ? transparencyOf(job, files) : undefined,
        maxPixels: this.#parts.maxOutputPixels,
      },
      intake,
    };
  }

  /** The client gets its outputs from the server: a full disk is the operator's problem, and no reason to fail the job. */
  async #save(job: ProcessingJob, outputs: readonly FinishedOutput[]): Promise<void> {
    const { outputFiles, logger } = this.#parts;
    if (!outputFiles) return;
    try {
      for (const [index, { content, extension }] of outputs.entries()) {
        await outputFiles.save(job.id, job.request.type, extension, content, index);
      }
    } catch (error) {
      logger.error('Result could not be written to OUTPUT_DIR', {
        ...logFields(job),
        error: messageOf(error),
      });
    }
  }
}

/**
 * Names the outage of a store: it stops only what comes before the prompt is submitted, because outputs are stored with
 * patience. Nothing is lost: the job can be started again later.
 */
function throwNotSent(error: unknown): never {
  if (!isQueueAway(error)) throw error;
  const message = 'The files of the job could not be sent to the machine: a store is not available.';
  throw new PromptError('store unavailable', message, { cause: error });
}

/** The image of a built-in workflow if it has transparency, which ComfyUI's loader drops. */
function transparencyOf({ request }: ProcessingJob, files: ReadonlyMap<string, GraphFile>) {
  const [name = ''] = Object.keys(request.files);
  const image = request.files[name]?.image;
  const file = files.get(name);
  return image?.hasAlpha && file ? { bytes: file.bytes, image } : undefined;
}
