import { v4 as uuid } from 'uuid';
import { messageOf, PromptError } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { headOf, type StoredFile, wholeOf } from '../../utils/StoredFile.js';
import type { GraphFile } from '../../workflows/graph.js';
import { type ImageInput, imageNodes } from '../../workflows/imageNodes.js';
import type { Workflow } from '../../workflows/types.js';
import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import { LeavePrompt } from '../comfyui/LeavePrompt.js';
import type { RunLimits } from '../comfyui/PromptClock.js';
import type { PromptResult, PromptRun, RunListener } from '../comfyui/PromptRun.js';
import type { PromptRunner } from '../comfyui/PromptRunner.js';
import { isPng } from '../images/png.js';
import { SIGNATURE } from '../images/pngChunks.js';
import { readPngText } from '../images/pngMetadata.js';
import type { Instance } from '../instances/Instance.js';
import type { Slot } from '../instances/LoadBalancer.js';
import { NodeSpans } from '../tracing/NodeSpans.js';
import type { Tracing } from '../tracing/Tracing.js';
import { type FinishedOutput, finishOutputs } from './finishOutputs.js';
import { type FileLoader, graphFiles, largestOf } from './graphFiles.js';
import type { ProcessingJob } from './Job.js';
import type { JobManager } from './JobManager.js';
import { logFields } from './jobLog.js';
import type { OutputFiles } from './OutputFiles.js';
import { type OutputIntake, OutputNotStored } from './OutputIntake.js';

/** What is run, whichever prompt it becomes. */
type Plan = Omit<PromptRun, 'promptId'>;

/** A result, and the instance that made it. */
type Made = PromptResult & { readonly instance: Instance };

/** What one attempt of a job has. */
interface Attempt {
  readonly slot: Slot;
  readonly limits: RunLimits;
  readonly signal: AbortSignal;
  readonly intake: OutputIntake | undefined;
  readonly until: Promise<void> | undefined;
}

interface RunnerParts {
  readonly manager: JobManager;
  readonly prompts: PromptRunner;
  readonly instances: readonly Instance[];
  readonly imageInput: ImageInput;
  /** Where results are kept on disk, if they are. */
  readonly outputFiles: OutputFiles | undefined;
  /** Takes the outputs of one attempt, where they are kept outside of memory. */
  readonly newIntake: (() => OutputIntake) | undefined;
  /** Width x height of a result that is decoded at most. */
  readonly maxOutputPixels: number;
  readonly tracing: Tracing;
  readonly logger: Logger;
}

/** A processing job's way on its instance: files made fit, prompt run, outputs finished, job completed. */
export class JobRunner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /**
   * Runs the job to its completion. The slot is given back as soon as the instance is done with it, so that the
   * next prompt is on its way while these outputs are finished here.
   * @returns the instance that made them: another one than the slot's where an earlier attempt was resumed
   * @throws PromptError, AppError, or the signal's reason
   */
  async run(job: ProcessingJob, slot: Slot, limits: RunLimits, signal: AbortSignal): Promise<Instance> {
    const intake = this.#parts.newIntake?.();
    let recorded: (() => void) | undefined;
    // If this server is killed before, another one fetches the outputs again.
    const until = this.#parts.manager.isShared
      ? new Promise<void>((resolve) => {
          recorded = resolve;
        })
      : undefined;
    try {
      return await this.#run(job, { slot, limits, signal, intake, until });
    } catch (error) {
      if (!(error instanceof OutputNotStored)) throw error;
      await this.#parts.manager.failUnstored(job.id, error.cause);
      return slot.instance;
    } finally {
      intake?.release();
      if (recorded) void this.#parts.manager.runs.whenRecorded(job.id).then(recorded);
    }
  }

  async #run(job: ProcessingJob, { slot, limits, signal, intake, until }: Attempt): Promise<Instance> {
    const { manager, imageInput, tracing } = this.#parts;
    const { workflow } = job.request;
    const load: FileLoader = {
      whole: (file) => manager.inputs.whole(file),
      stored: (file) => manager.inputs.stored(file),
    };
    const files = await tracing.trace('job.inputs', {}, () =>
      graphFiles(job.request, workflow, imageInput, load),
    );
    const plan: Plan = {
      graph: workflow.build(files, job.request.parameters, imageNodes(imageInput)),
      outputNodes: workflow.outputs.map(({ nodeId }) => nodeId),
      uploads: !workflow.isBuiltIn || imageInput === 'upload',
      limits,
      receive: intake?.receive,
      until,
    };
    const { outputs, promptId, instance } =
      (await this.#resume(job, plan, signal)) ??
      (await this.#execute(job, plan, slot, signal).catch((error: unknown) => {
        // A picture that was converted may be many times as large as the client's.
        if (error instanceof PromptError) error.sentBytes = largestOf(files);
        throw error;
      }));
    slot.release();
    const finished = await tracing.trace('job.outputs', {}, () =>
      this.#finish(workflow, job, files, outputs, intake),
    );
    // What is this far is not left to anybody else.
    if (!(signal.reason instanceof LeavePrompt)) signal.throwIfAborted();
    await tracing.trace('job.store', {}, () => this.#store(job, promptId, finished));
    return instance;
  }

  async #store(job: ProcessingJob, promptId: string, finished: readonly FinishedOutput[]): Promise<void> {
    await this.#save(job, finished);
    const [first, ...others] = finished.map(({ output }) => output);
    if (!first) throw new PromptError('no output', 'Nothing came of the prompt.');
    await this.#parts.manager.complete(
      job.id,
      { promptId, outputs: [first, ...others] },
      finished.map(({ content }) => content),
    );
  }

  async #execute(job: ProcessingJob, plan: Plan, { instance }: Slot, signal: AbortSignal): Promise<Made> {
    const run = { ...plan, promptId: uuid() };
    const result = await this.#traced(job, run.promptId, (listener) =>
      this.#parts.prompts.run(instance.client, run, listener, signal),
    );
    if (await areOwn(result.outputs, run.promptId)) return { ...result, instance };
    throw new PromptError('wrong result', 'The file under the name of a result was made by another prompt.');
  }

  /** Goes on with a prompt of an earlier attempt, on a machine that had fallen silent and has it after all. */
  async #resume(job: ProcessingJob, plan: Plan, signal: AbortSignal): Promise<Made | undefined> {
    const { prompts, instances } = this.#parts;
    for (const { instance: host, leftBehind, failure } of job.failedTries) {
      const instance = instances.find((one) => one.host === host);
      if (!instance || leftBehind === undefined) continue;
      const run = { ...plan, promptId: leftBehind };
      // The machine is not at fault then, and has the prompt: it may only be busy.
      const silenceMs = failure === 'server gone' ? plan.limits.executionMs : 0;
      const result = await this.#traced(job, leftBehind, (listener) =>
        prompts.resume(instance.client, run, listener, signal, silenceMs),
      );
      if (result && (await areOwn(result.outputs, leftBehind))) return { ...result, instance };
    }
    return undefined;
  }

  /** Follows a prompt, with a span for it and for each of its nodes. */
  #traced<T>(
    job: ProcessingJob,
    promptId: string,
    follow: (listener: RunListener) => Promise<T>,
  ): Promise<T> {
    const { tracing } = this.#parts;
    const attributes = { 'comfyui.prompt_id': promptId };
    return tracing.trace('comfyui.prompt', { attributes }, async (span) => {
      const nodes = new NodeSpans(tracing, span);
      try {
        return await follow(this.#listener(job, nodes));
      } finally {
        nodes.end();
      }
    });
  }

  #listener(job: ProcessingJob, nodes: NodeSpans): RunListener {
    const { manager } = this.#parts;
    return {
      onSubmitting: manager.isShared ? (id) => manager.runs.announcePrompt(job.id, id) : undefined,
      onSubmitted: (id) => this.#note(job, manager.runs.recordPrompt(job.id, id)),
      onProgress: ({ percentage, node }) => {
        nodes.works(node);
        manager.runs.recordProgress(job.id, percentage, node?.classType);
      },
    };
  }

  /** A store that cannot take a note of the progress is no reason to lose the job. */
  #note(job: ProcessingJob, written: Promise<void>): void {
    written.catch((error: unknown) => {
      this.#parts.logger.warn('Progress could not be stored', { ...logFields(job), error: messageOf(error) });
    });
  }

  #finish(
    workflow: Workflow,
    job: ProcessingJob,
    files: ReadonlyMap<string, GraphFile>,
    made: readonly MadeOutput[],
    intake: OutputIntake | undefined,
  ): Promise<FinishedOutput[]> {
    const { type, format, parameters } = job.request;
    return finishOutputs(made, {
      outputs: workflow.outputs,
      imageName: workflow.isBuiltIn ? `${type}-${job.id}` : undefined,
      format,
      image: {
        cropToSubject: workflow.finish?.(parameters).cropToSubject === true,
        transparencyOf: workflow.isBuiltIn ? transparencyOf(job, files) : undefined,
        maxPixels: this.#parts.maxOutputPixels,
      },
      intake,
    });
  }

  /** The client has its outputs from the server: a full disk is the operator's business, not a reason to fail the job. */
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

/** The image of a built-in workflow where it has transparency, which ComfyUI's loader drops. */
function transparencyOf({ request }: ProcessingJob, files: ReadonlyMap<string, GraphFile>) {
  const [name = ''] = Object.keys(request.files);
  const image = request.files[name]?.image;
  const file = files.get(name);
  return image?.hasAlpha && file ? { bytes: file.bytes, image } : undefined;
}

/** Longest graph that is searched for a prompt's mark: with a picture inside it is as long as that. */
const MAX_GRAPH_BYTES = 64 * 1024 * 1024;

/**
 * Whether a file that ComfyUI wrote was made by this prompt, as far as it tells: a PNG holds the graph that made it, with
 * the prompt's mark in it, unless ComfyUI runs with `--disable-metadata` or a node writes a text of its own there.
 */
async function isOwn({ bytes, filename }: MadeOutput, promptId: string): Promise<boolean> {
  if (filename === undefined) return true;
  const png = Buffer.isBuffer(bytes) ? bytes : await wholePng(bytes);
  const text = png && readPngText(png, 'prompt', MAX_GRAPH_BYTES);
  return text === undefined || text.includes(promptId) || !text.includes('"class_type"');
}

async function areOwn(outputs: readonly MadeOutput[], promptId: string): Promise<boolean> {
  for (const one of outputs) if (!(await isOwn(one, promptId))) return false;
  return true;
}

async function wholePng(file: StoredFile): Promise<Buffer | undefined> {
  return isPng(await headOf(file, SIGNATURE.length)) ? wholeOf(file) : undefined;
}
