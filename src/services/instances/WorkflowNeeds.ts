import { messageOf } from '../../errors.js';
import type { Logger } from '../../utils/logger.js';
import { mergeNodeInfo } from '../../workflows/files/mergeNodeInfo.js';
import type { WorkflowCatalogue } from '../../workflows/WorkflowCatalogue.js';
import type { HealthChecker } from './HealthChecker.js';
import type { Inspector } from './Inspector.js';
import type { Instance } from './Instance.js';
import type { RemovedWorkflows } from './RemovedWorkflows.js';

interface Parts {
  readonly workflows: WorkflowCatalogue;
  readonly removed: RemovedWorkflows;
  readonly instances: readonly Instance[];
  readonly inspector: Inspector;
  readonly checker: Pick<HealthChecker, 'onUp'>;
}

/**
 * Keeps workflows and machines consistent. A machine runs a new or changed workflow only after it was asked for the
 * nodes and models, and the node info of the machines is applied to the parameters of workflows.
 */
export class WorkflowNeeds {
  readonly #parts: Parts;
  readonly #logger: Logger;
  readonly #stopped = new AbortController();
  /** Needs of each workflow that the machines were asked about, or are asked about when they come up. */
  #needs: ReadonlyMap<string, string>;
  /** Last node info of the machines. */
  #nodes = '';
  #checks: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts, logger: Logger) {
    this.#parts = parts;
    this.#logger = logger;
    this.#needs = this.#currentNeeds();
    parts.inspector.onNodes(() => this.#passNodesOn());
    parts.checker.onUp((instance) => this.#onUp(instance));
    parts.workflows.onChange(() => this.#onChange());
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Resolves when the machines were asked about every current workflow. */
  async settled(): Promise<void> {
    await this.#checks;
  }

  /** Handles changed labels of an instance: it runs no workflow that requires labels until it is checked again. */
  onLabels(instance: Instance): void {
    const { workflows, removed } = this.#parts;
    const all = [...workflows.all(), ...removed.all()];
    const asking = all.filter(({ requires }) => requires.labels !== undefined);
    for (const { type } of asking) instance.health.unchecked.add(type);
    this.#checkAll([instance]);
  }

  /** A workflow may have changed while the instance was asked what it has. */
  #onUp(instance: Instance): void {
    if (instance.health.unchecked.size > 0) this.#checkAll([instance]);
  }

  #currentNeeds(): Map<string, string> {
    return new Map(this.#parts.workflows.all().map(({ type, requires }) => [type, JSON.stringify(requires)]));
  }

  #onChange(): void {
    const needs = this.#currentNeeds();
    const changed = [...needs].filter(([type, need]) => this.#needs.get(type) !== need);
    const isAnyRemoved = [...this.#needs.keys()].some((type) => !needs.has(type));
    this.#needs = needs;
    if ((changed.length === 0 && !isAnyRemoved) || this.#stopped.signal.aborted) return;
    for (const { health } of this.#parts.instances) for (const [type] of changed) health.unchecked.add(type);
    this.#checkAll(this.#parts.instances);
  }

  #checkAll(instances: readonly Instance[]): void {
    this.#checks = Promise.all([this.#checks, ...instances.map((instance) => this.#check(instance))]);
  }

  /** Checks an instance. One that is down is checked when it comes back. */
  async #check(instance: Instance): Promise<void> {
    if (!instance.health.isUp) return this.#parts.inspector.forgetRemoved(instance);
    try {
      await this.#parts.inspector.findMissing(instance, this.#stopped.signal);
    } catch (error) {
      const fields = { instance: instance.host, error: messageOf(error) };
      this.#logger.debug('Nodes could not be listed', fields);
    }
  }

  /** Passes node info to the workflows: of each class what any machine has. */
  #passNodesOn(): void {
    const { instances, workflows } = this.#parts;
    const all = mergeNodeInfo(instances.map(({ health }) => health.nodes));
    const text = JSON.stringify([...all].sort(([one], [other]) => (one < other ? -1 : 1)));
    if (text === this.#nodes) return;
    this.#nodes = text;
    void workflows.useNodeInfo((classType) => all.get(classType));
  }
}
