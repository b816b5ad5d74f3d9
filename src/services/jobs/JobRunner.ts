import { v4 as uuid } from 'uuid';
import { AppError, messageOf, PromptError } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { type ImageInput, imageNodes } from '../../workflows/imageNodes.js';
import type { Workflow } from '../../workflows/types.js';
import type { PromptResult, PromptRun, RunListener } from '../comfyui/PromptAttempt.js';
import type { RunLimits } from '../comfyui/PromptClock.js';
import type { PromptRunner } from '../comfyui/PromptRunner.js';
import { extensionOf, type FinishedImage, finishImage } from '../images/finish.js';
import { normaliseImage } from '../images/normalise.js';
import { readPngText } from '../images/pngMetadata.js';
import type { Instance } from '../instances/Instance.js';
import type { Slot } from '../instances/LoadBalancer.js';
import type { ProcessingJob } from './Job.js';
import type { JobManager } from './JobManager.js';
import { logFields } from './jobLog.js';
import type { OutputFiles } from './OutputFiles.js';

/** What is run, whichever prompt it becomes. */
type Plan = Omit<PromptRun, 'promptId'>;

/** A result, and the instance that made it. */
type Made = PromptResult & { readonly instance: Instance };

interface RunnerParts {
  readonly manager: JobManager;
  readonly prompts: PromptRunner;
  readonly workflows: readonly Workflow[];
  readonly instances: readonly Instance[];
  readonly imageInput: ImageInput;
  /** Where results are kept on disk, if they are. */
  readonly outputFiles: OutputFiles | undefined;
  /** Width x height of a result that is decoded at most. */
  readonly maxOutputPixels: number;
  readonly logger: Logger;
}

/** A processing job's way on its instance: upload made fit, prompt run, image finished, job completed. */
export class JobRunner {
  readonly #parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /**
   * Runs the job to its completion. The slot is given back as soon as the instance is done with it, so that the
   * next prompt is on its way while this image is finished here.
   * @returns the instance that made the image: another one than the slot's where an earlier attempt was resumed
   * @throws PromptError, AppError, or the signal's reason
   */
  async run(job: ProcessingJob, slot: Slot, limits: RunLimits, signal: AbortSignal): Promise<Instance> {
    const { manager, workflows } = this.#parts;
    const workflow = workflows.find(({ type }) => type === job.request.type);
    if (!workflow) throw new AppError('INTERNAL_ERROR', `There is no workflow ${job.request.type}.`);
    const upload = await normaliseImage(
      await manager.upload(job.id),
      job.request.image,
      this.#parts.imageInput,
    );
    const graph = workflow.build(imageNodes(this.#parts.imageInput, upload), job.request.parameters);
    const plan = { graph, outputNode: workflow.outputNode, limits };
    const { image, promptId, instance } =
      (await this.#resume(job, plan, signal)) ??
      (await this.#execute(job, plan, slot, signal).catch((error: unknown) => {
        // A picture that was converted may be many times as large as the client's.
        if (error instanceof PromptError) error.sentBytes = upload.length;
        throw error;
      }));
    slot.release();
    const finished = await this.#finish(workflow, job, upload, image);
    signal.throwIfAborted();
    await this.#save(job, finished);
    const { bytes, mimeType, format, width, height } = finished;
    const result = { promptId, mimeType, format, width, height, sizeBytes: bytes.length };
    await manager.complete(job.id, result, bytes);
    return instance;
  }

  async #execute(job: ProcessingJob, plan: Plan, { instance }: Slot, signal: AbortSignal): Promise<Made> {
    const run = { ...plan, promptId: uuid() };
    const result = await this.#parts.prompts.run(instance.client, run, this.#listener(job), signal);
    if (isOwn(result.image, run.promptId)) return { ...result, instance };
    throw new PromptError(
      'wrong result',
      'The file under the name of the result was made by another prompt.',
    );
  }

  /** Goes on with a prompt of an earlier attempt, on a machine that had fallen silent and has it after all. */
  async #resume(job: ProcessingJob, plan: Plan, signal: AbortSignal): Promise<Made | undefined> {
    const { prompts, instances } = this.#parts;
    for (const { instance: host, leftBehind } of job.failedTries) {
      const instance = instances.find((one) => one.host === host);
      if (!instance || leftBehind === undefined) continue;
      const run = { ...plan, promptId: leftBehind };
      const result = await prompts.resume(instance.client, run, this.#listener(job), signal);
      if (result && isOwn(result.image, leftBehind)) return { ...result, instance };
    }
    return undefined;
  }

  #listener(job: ProcessingJob): RunListener {
    const { manager } = this.#parts;
    return {
      onSubmitted: (id) => this.#note(job, manager.recordPrompt(job.id, id)),
      onProgress: ({ percentage, node }) =>
        this.#note(job, manager.recordProgress(job.id, percentage, node?.classType)),
    };
  }

  /** A store that cannot take a note of the progress is no reason to lose the job. */
  #note(job: ProcessingJob, written: Promise<void>): void {
    written.catch((error: unknown) => {
      this.#parts.logger.warn('Progress could not be stored', { ...logFields(job), error: messageOf(error) });
    });
  }

  #finish(workflow: Workflow, job: ProcessingJob, upload: Buffer, png: Buffer): Promise<FinishedImage> {
    const { format, parameters, image } = job.request;
    return finishImage(png, {
      format,
      cropToSubject: workflow.finish?.(parameters).cropToSubject === true,
      transparencyOf: image.hasAlpha ? { bytes: upload, image } : undefined,
      maxPixels: this.#parts.maxOutputPixels,
    });
  }

  /** The client has its result from memory: a full disk is the operator's business, not a reason to fail the job. */
  async #save(job: ProcessingJob, { bytes, format }: FinishedImage): Promise<void> {
    const { outputFiles, logger } = this.#parts;
    if (!outputFiles) return;
    try {
      await outputFiles.save(job.id, job.request.type, extensionOf(format), bytes);
    } catch (error) {
      logger.error('Result could not be written to OUTPUT_DIR', {
        ...logFields(job),
        error: messageOf(error),
      });
    }
  }
}

/** Longest graph that is searched for a prompt's mark: with a picture inside it is as long as that. */
const MAX_GRAPH_BYTES = 64 * 1024 * 1024;

/**
 * Whether a file that ComfyUI wrote was made by this prompt, as far as it tells: a PNG holds the graph that made it, with
 * the prompt's mark in it, unless ComfyUI runs with `--disable-metadata`.
 */
function isOwn(image: Buffer, promptId: string): boolean {
  return readPngText(image, 'prompt', MAX_GRAPH_BYTES)?.includes(promptId) ?? true;
}
