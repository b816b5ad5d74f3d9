import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { Inspector } from './Inspector.js';
import type { Instance } from './Instance.js';

interface Parts {
  readonly workflows: WorkflowCatalogue;
  readonly instances: readonly Instance[];
  readonly inspector: Inspector;
}

/**
 * Keeps workflows and machines in step: a workflow that came or changed is run by no machine before that was asked for
 * its nodes and models, and what the machines say of their nodes goes into the parameters of workflows.
 */
export class WorkflowNeeds {
  readonly #parts: Parts;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  /** What each workflow needed when the machines were last asked. */
  #needs = new Map<string, string>();
  /** What machines said of their nodes last. */
  #nodes = '';
  #checks: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
    parts.inspector.onNodes(() => this.#passNodesOn());
    parts.workflows.onChange(() => this.#onChange());
  }

  /** From now on changes are acted on. The machines were asked about the workflows that there are. */
  start(): void {
    this.#needs = this.#currentNeeds();
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Resolves when the machines were asked about every workflow that there is now. */
  async settled(): Promise<void> {
    await this.#checks;
  }

  /** The labels of an instance changed: it runs no workflow that asks for some before it was looked at again. */
  onLabels(instance: Instance): void {
    const asking = this.#parts.workflows.all().filter(({ requires }) => requires.labels !== undefined);
    for (const { type } of asking) instance.health.unchecked.add(type);
    this.#checks = Promise.all([this.#checks, this.#check(instance)]);
  }

  #currentNeeds(): Map<string, string> {
    return new Map(this.#parts.workflows.all().map(({ type, requires }) => [type, JSON.stringify(requires)]));
  }

  #onChange(): void {
    const needs = this.#currentNeeds();
    const changed = [...needs].filter(([type, need]) => this.#needs.get(type) !== need);
    this.#needs = needs;
    if (changed.length === 0 || this.#stopped.signal.aborted) return;
    for (const { health } of this.#parts.instances) for (const [type] of changed) health.unchecked.add(type);
    this.#checks = Promise.all([
      this.#checks,
      ...this.#parts.instances.map((instance) => this.#check(instance)),
    ]);
  }

  /** One that is down is asked when it comes back. */
  async #check(instance: Instance): Promise<void> {
    if (!instance.health.isUp) return;
    try {
      await this.#parts.inspector.findMissing(instance, this.#stopped.signal);
    } catch (error) {
      const fields = { instance: instance.host, error: messageOf(error) };
      this.#logger.debug('Nodes could not be listed', fields);
    }
  }

  /** The first machine that has a class speaks for it. */
  #passNodesOn(): void {
    const { instances, workflows } = this.#parts;
    const all = new Map(instances.toReversed().flatMap(({ health }) => [...health.nodes]));
    const text = JSON.stringify([...all].sort(([one], [other]) => (one < other ? -1 : 1)));
    if (text === this.#nodes) return;
    this.#nodes = text;
    void workflows.useNodeInfo((classType) => all.get(classType));
  }
}
