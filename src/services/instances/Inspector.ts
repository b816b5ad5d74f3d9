import { isDeepStrictEqual } from 'node:util';
import { messageOf, PromptError } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Workflow } from '../../workflows/types.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { ComfyClient } from '../comfyui/ComfyClient.js';
import type { Leftovers } from '../comfyui/Leftovers.js';
import { contradictsItself } from '../comfyui/severalMachines.js';
import { findMissing } from './capabilities.js';
import type { Instance, InstanceHealth } from './Instance.js';
import type { RemovedWorkflows } from './RemovedWorkflows.js';

/** Subject of an inspection. */
interface Inspection {
  readonly workflows: WorkflowCatalogue;
  readonly removed: RemovedWorkflows;
  /** Node classes that every built-in workflow needs. */
  readonly sharedClasses: readonly string[];
  /** Whether machines allow uploads: an uploaded file shows whether an address is a single machine. */
  readonly uploads: boolean;
  readonly leftovers: Leftovers;
}

/** Upper bounds in bytes: of a form without its file, and of a prompt without its base64 image. */
const FORM_BYTES = 1024;
const GRAPH_BYTES = 16 * 1024;

/** Everyone may read it, so it contains no address. */
export const SEVERAL_MACHINES =
  'its address leads to several ComfyUI machines in turn, as behind a round-robin proxy; list each machine by itself';

/** Finds out what a running instance can do, and cleans up what earlier starts of the server left there. */
export class Inspector {
  readonly #inspection: Inspection;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onNodes: Array<(instance: Instance) => void> = [];

  constructor(inspection: Inspection, clock: Clock, logger: Logger) {
    this.#inspection = inspection;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Calls `listener` after each listing of an instance's nodes. */
  onNodes(listener: (instance: Instance) => void): void {
    this.#onNodes.push(listener);
  }

  /**
   * Inspects an instance that just came up, before its first job.
   * @throws PromptError when its address cannot be checked, for example because it rejects uploads
   */
  async onUp(instance: Instance, signal: AbortSignal): Promise<void> {
    instance.forgetRefusals();
    await this.#checkAddress(instance, signal);
    await this.#look(instance, signal);
  }

  /** Inspects an instance at intervals, because nodes, models and limits can change while it runs. Never rejects. */
  async inspect(instance: Instance, signal: AbortSignal): Promise<void> {
    if (instance.health.problem?.kind === 'several machines') {
      await this.#try(instance, 'Address could not be checked', () => this.#checkAddress(instance, signal));
    }
    await this.#look(instance, signal);
  }

  /** Handles the rejection of an image of `bytes`: the limit of the instance may have changed, or a proxy has its own limit. */
  async onTooLarge(instance: Instance, bytes: number, signal: AbortSignal): Promise<void> {
    await this.#readLimits(instance, signal);
    if (instance.accepts(bytes)) instance.refused(bytes);
  }

  async #readLimits(instance: Instance, signal: AbortSignal): Promise<void> {
    await this.#try(instance, 'Limits could not be read', async () => {
      const maxBytes = await instance.client.maxUploadBytes(signal);
      instance.health.maxImageBytes = maxBytes === undefined ? undefined : this.#imageBytesWithin(maxBytes);
    });
  }

  async #look(instance: Instance, signal: AbortSignal): Promise<void> {
    await this.#try(instance, 'Leftovers could not be cleaned up', () =>
      this.#inspection.leftovers.clean(instance.client, signal),
    );
    await this.#readLimits(instance, signal);
    await this.#try(instance, 'Nodes could not be listed', () => this.findMissing(instance, signal));
  }

  /** Returns the size in bytes of the largest image that fits into a request of `maxBytes` with everything else in it. */
  #imageBytesWithin(maxBytes: number): number {
    return this.#inspection.uploads ? maxBytes - FORM_BYTES : Math.floor((maxBytes - GRAPH_BYTES) * 0.75);
  }

  async #checkAddress(instance: Instance, signal: AbortSignal): Promise<void> {
    const { health, client, host } = instance;
    const { problem } = health;
    if (problem?.kind === 'GPU fault' || (problem?.until ?? 0) > this.#clock.now()) return;
    const wasGood = problem === undefined;
    const isSeveral = this.#inspection.uploads && (await this.#contradictsItself(client, signal));
    // A job may have found another problem in the meantime.
    if (health.problem?.kind === 'GPU fault') return;
    const since = problem?.since ?? this.#clock.now();
    health.problem = isSeveral ? { kind: 'several machines', since, reason: SEVERAL_MACHINES } : undefined;
    if (isSeveral && wasGood) {
      this.#logger.error('Instance gets no jobs', { instance: host, reason: SEVERAL_MACHINES });
    } else if (!isSeveral && !wasGood) {
      this.#logger.info('Instance is one machine again', { instance: host });
    }
  }

  async #contradictsItself(client: ComfyClient, signal: AbortSignal): Promise<boolean> {
    try {
      return await contradictsItself(client, signal);
    } catch (error) {
      if (!(error instanceof PromptError) || error.failure !== 'unexpected response') throw error;
      const hint = 'if the machine does not allow uploads, set COMFYUI_IMAGE_INPUT=base64';
      throw new PromptError(error.failure, `${error.message}; ${hint}`);
    }
  }

  /**
   * Finds out which nodes, models and labels of the workflows the instance lacks. Removed workflows count until their last
   * job has ended.
   * @throws PromptError when a request to it fails
   */
  async findMissing(instance: Instance, signal: AbortSignal): Promise<void> {
    const { workflows, removed, sharedClasses } = this.#inspection;
    await this.forgetRemoved(instance);
    const all = [...workflows.all(), ...removed.all()];
    const { labels } = instance.settings;
    const { missing, infos } = await findMissing(instance.client, all, sharedClasses, labels, signal);
    const { health } = instance;
    health.nodes = infos;
    // If a workflow or the labels changed in the meantime, another check knows better.
    const haveLabelsChanged = !isDeepStrictEqual(instance.settings.labels, labels);
    const current = all.filter(({ type, requires }) => {
      if (requires.labels && haveLabelsChanged) return false;
      return isDeepStrictEqual(this.#workflowOf(type)?.requires, requires);
    });
    const checked = new Set(current.map(({ type }) => type));
    for (const type of missing.keys()) if (!checked.has(type)) missing.delete(type);
    for (const [type, names] of health.missing) if (!checked.has(type)) missing.set(type, [...names]);
    for (const type of checked) health.unchecked.delete(type);
    this.#setMissing(instance, missing);
    for (const listener of this.#onNodes) listener(instance);
  }

  /** Forgets what the instance lacks for removed workflows whose last job has ended. Asks the instance nothing. Never rejects. */
  async forgetRemoved(instance: Instance): Promise<void> {
    const { health } = instance;
    await this.#inspection.removed.forgetUnused();
    for (const type of health.unchecked) if (!this.#workflowOf(type)) health.unchecked.delete(type);
    const known = [...health.missing].filter(([type]) => this.#workflowOf(type) !== undefined);
    if (known.length < health.missing.size) this.#setMissing(instance, new Map(known));
  }

  #workflowOf(type: string): Workflow | undefined {
    const { workflows, removed } = this.#inspection;
    return workflows.get(type) ?? removed.get(type);
  }

  #setMissing(instance: Instance, missing: InstanceHealth['missing']): void {
    const names = [...new Set([...missing.values()].flat())].sort();
    if (names.join() !== instance.missingNodes.join()) {
      const fields = { instance: instance.host, missing: names, workflows: [...missing.keys()] };
      if (names.length > 0) this.#logger.warn('Instance lacks nodes or models', fields);
      else this.#logger.info('Instance has every node and model', fields);
    }
    instance.health.missing = missing;
  }

  async #try(instance: Instance, problem: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.debug(problem, { instance: instance.host, error: messageOf(error) });
    }
  }
}
