import { v4 as uuid } from 'uuid';
import { AppError, messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { Base64Image, type Workflow } from '../../workflows/types.js';
import type { PromptRunner } from '../comfyui/PromptRunner.js';
import { extensionOf, type FinishedImage, finishImage } from '../images/finish.js';
import { normaliseImage } from '../images/normalise.js';
import type { Slot } from '../instances/LoadBalancer.js';
import type { ProcessingJob } from './Job.js';
import type { JobManager } from './JobManager.js';
import { logFields } from './jobLog.js';
import type { OutputFiles } from './OutputFiles.js';

interface RunnerParts {
  readonly manager: JobManager;
  readonly prompts: PromptRunner;
  readonly workflows: readonly Workflow[];
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
   * @throws PromptError, AppError, or the signal's reason
   */
  async run(job: ProcessingJob, slot: Slot, signal: AbortSignal): Promise<void> {
    const { manager, prompts, workflows } = this.#parts;
    const workflow = workflows.find(({ type }) => type === job.request.type);
    if (!workflow) throw new AppError('INTERNAL_ERROR', `There is no workflow ${job.request.type}.`);
    const upload = await normaliseImage(await manager.upload(job.id), job.request.image, 'base64');
    const graph = workflow.build(
      { image: new Base64Image(upload), outputPrefix: outputPrefix(job) },
      job.request.parameters,
    );
    const { image, promptId } = await prompts.run(
      slot.instance.client,
      { graph, outputNode: workflow.outputNode, promptId: uuid() },
      {
        onSubmitted: (id) => this.#note(job, manager.recordPrompt(job.id, id)),
        onProgress: ({ percentage, node }) =>
          this.#note(job, manager.recordProgress(job.id, percentage, node?.classType)),
      },
      signal,
    );
    slot.release();
    const finished = await this.#finish(workflow, job, upload, image);
    signal.throwIfAborted();
    await this.#save(job, finished);
    const { bytes, mimeType, format, width, height } = finished;
    const result = { promptId, mimeType, format, width, height, sizeBytes: bytes.length };
    await manager.complete(job.id, result, bytes);
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

/**
 * The same picture again is answered from ComfyUI's cache, in a millisecond; a further try must not be, since the
 * cached file may be what failed.
 */
function outputPrefix(job: ProcessingJob): string {
  const suffix = job.attempts > 1 ? `-${job.id.slice(0, 8)}-${job.attempts}` : '';
  return `comfyui-express/${job.request.type}${suffix}`;
}
