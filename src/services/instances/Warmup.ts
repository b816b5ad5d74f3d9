import { v4 as uuid } from 'uuid';
import { messageOf, PromptError } from '../../errors.js';
import { DeadlineExceeded, withDeadline } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import { GraphFile } from '../../workflows/graph.js';
import { type ImageInput, imageNodes } from '../../workflows/imageNodes.js';
import type { Workflow } from '../../workflows/types.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { PromptRun, RunListener } from '../comfyui/PromptRun.js';
import type { PromptRunner } from '../comfyui/PromptRunner.js';
import type { GpuFaults } from './GpuFaults.js';
import type { Instance } from './Instance.js';

interface Parts {
  readonly prompts: PromptRunner;
  readonly workflows: WorkflowCatalogue;
  readonly gpuFaults: GpuFaults;
  readonly imageInput: ImageInput;
  /** Returns a small image, as PNG. */
  readonly picture: () => Promise<Buffer>;
}

const NOBODY: RunListener = {
  onSubmitted: () => undefined,
  onProgress: () => undefined,
  machine: () => ({ onMessage: () => undefined, onPreview: () => undefined, onFrame: () => undefined }),
};

/**
 * Runs each workflow once on a machine that came up, before its first job. That job then finds the models loaded, and
 * the code compiled that is compiled at the first run. These runs are not jobs and are not counted.
 */
export class Warmup {
  readonly #parts: Parts;
  readonly #timeoutMs: number;
  readonly #logger: Logger;
  readonly #onWarm: Array<(instance: Instance) => void> = [];
  readonly #stopped = new AbortController();

  /** @param timeoutMs for all workflows of one machine together */
  constructor(parts: Parts, timeoutMs: number, logger: Logger) {
    this.#parts = parts;
    this.#timeoutMs = timeoutMs;
    this.#logger = logger;
  }

  /** Calls `listener` with a machine that is ready for its first job. */
  onWarm(listener: (instance: Instance) => void): void {
    this.#onWarm.push(listener);
  }

  /** Warms a machine up. It gets no jobs until this resolves, in bounded time. Never rejects. */
  async warm(instance: Instance): Promise<void> {
    if (instance.health.isWarming || this.#stopped.signal.aborted) return;
    instance.health.isWarming = true;
    try {
      await withDeadline(this.#timeoutMs, this.#stopped.signal, (signal) => this.#runAll(instance, signal));
    } catch (error) {
      if (error instanceof DeadlineExceeded) {
        this.#logger.warn('Instance was not warm in time', { instance: instance.host });
      }
    } finally {
      instance.health.isWarming = false;
    }
    for (const listener of this.#onWarm) listener(instance);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #runAll(instance: Instance, signal: AbortSignal): Promise<void> {
    const beganAt = performance.now();
    const { missing, unchecked } = instance.health;
    const all = this.#parts.workflows.all();
    for (const workflow of all.filter(({ type }) => !missing.has(type) && !unchecked.has(type))) {
      await this.#run(instance, workflow, signal);
      signal.throwIfAborted();
    }
    const seconds = Math.round((performance.now() - beganAt) / 1000);
    this.#logger.info('Instance is warm', { instance: instance.host, seconds });
  }

  /** A failed run does not affect other workflows, and does not predict the result of jobs with real inputs. */
  async #run(instance: Instance, workflow: Workflow, signal: AbortSignal): Promise<void> {
    const fields = { instance: instance.host, workflow: workflow.type };
    try {
      const run = await this.#smallest(workflow);
      if (run) await this.#parts.prompts.run(instance.client, run, NOBODY, signal);
      else this.#logger.debug('Workflow cannot be run to warm up', fields);
    } catch (error) {
      if (signal.aborted) return;
      const { gpuFaults } = this.#parts;
      if (error instanceof PromptError && error.needsRestart) {
        gpuFaults.report(instance, error.message);
      }
      this.#logger.warn('Workflow failed to warm up', { ...fields, error: messageOf(error) });
    }
  }

  /** Returns the workflow with a small image and its defaults; `undefined` if it needs other inputs. */
  async #smallest(workflow: Workflow): Promise<PromptRun | undefined> {
    const { picture, imageInput } = this.#parts;
    const parameters = workflow.parameters.safeParse({});
    const required = workflow.files.filter((file) => file.required);
    if (!parameters.success || required.some(({ kind }) => kind !== 'image' && kind !== 'mask'))
      return undefined;
    const png = await picture();
    const files = new Map(required.map(({ name }) => [name, new GraphFile(png, 'png')]));
    return {
      graph: workflow.build(files, parameters.data, imageNodes(imageInput)),
      outputNodes: workflow.outputs.map(({ nodeId }) => nodeId),
      uploads: !workflow.isBuiltIn || imageInput === 'upload',
      promptId: uuid(),
      limits: { executionMs: this.#timeoutMs, queueMs: 0, canMove: () => false },
    };
  }
}
