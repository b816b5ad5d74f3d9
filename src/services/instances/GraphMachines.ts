import pLimit from 'p-limit';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { settledWithin } from '../../utils/deadline.js';
import type { Logger } from '../../utils/logger.js';
import type { NodeLookup } from '../../workflows/files/nodeInfo.js';
import type { GraphNeeds } from '../../workflows/graphNeeds.js';
import type { NodeInfo } from '../comfyui/protocol.js';
import { missingLabels, missingOf } from './capabilities.js';
import type { HealthChecker } from './HealthChecker.js';
import type { Inspector } from './Inspector.js';
import type { Instance } from './Instance.js';
import { WatchedNeeds } from './WatchedNeeds.js';

/** Concurrent requests for node classes to one instance. */
const MAX_REQUESTS = 4;
/** Maximum number of missing things per instance: then it is not asked further. */
const MAX_MISSING = 20;
/** Maximum number of needs without waiting jobs that machines are asked about again. */
const MAX_RECENT = 2000;
/** Maximum number of node classes cached per instance. */
const MAX_CLASSES = 5000;
/** How long a check waits for the other machines once one can run the graph, ms. */
const OTHERS_MS = 250;
/** An instance that was up within this time may be back soon, ms. */
const BACK_SOON_MS = 600_000;

/** Responses of one instance about node classes since its last inspection. */
interface Answers {
  readonly asked: Map<string, Promise<NodeInfo | undefined>>;
  readonly infos: Map<string, NodeInfo>;
  /** Keys of the needs that the instance was successfully checked for. */
  readonly told: Set<string>;
}

interface Parts {
  readonly instances: readonly Instance[];
  readonly inspector: Pick<Inspector, 'onNodes'>;
  readonly checker: Pick<HealthChecker, 'onUp'>;
}

interface Checked {
  /** Gaps of the instance with the fewest; `undefined` if an instance has everything, or may have it once it is back. */
  readonly missing: readonly string[] | undefined;
  /** Finds the node info of a class from any instance. */
  readonly infoOf: NodeLookup;
}

/**
 * Finds out which machines can run graphs of clients, whose nodes and models are known only when they arrive. A machine
 * gets such a graph only after it was checked for it.
 */
export class GraphMachines {
  readonly #instances: readonly Instance[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #watched: WatchedNeeds;
  readonly #answers = new Map<Instance, Answers>();
  readonly #onAble: Array<() => void> = [];
  readonly #onHopeless: Array<(needs: GraphNeeds, missing: readonly string[]) => void> = [];
  readonly #stopped = new AbortController();

  constructor({ instances, inspector, checker }: Parts, clock: Clock, logger: Logger) {
    this.#instances = instances;
    this.#clock = clock;
    this.#logger = logger;
    this.#watched = new WatchedNeeds(MAX_RECENT, (key) => {
      for (const { health } of instances) health.graphs.delete(key);
    });
    inspector.onNodes((instance) => void this.#askAgain(instance));
    checker.onUp((instance) => {
      // It may have been restarted without some of its nodes or models.
      instance.health.graphs.clear();
      void this.#askAgain(instance);
    });
  }

  /** Handles changed labels of an instance: it runs no job that depends on them until it is checked again. */
  onLabels(instance: Instance): void {
    const asking = this.#watched.all().filter(({ labels }) => labels !== undefined);
    for (const { key } of asking) instance.health.graphs.delete(key);
    if (asking.length > 0) void this.#askAgain(instance);
  }

  /** Forgets a removed instance. */
  forget(instance: Instance): void {
    this.#answers.delete(instance);
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Calls `listener` when a machine was found that meets the needs of a waiting job. */
  onAble(listener: () => void): void {
    this.#onAble.push(listener);
  }

  /** Calls `listener` when all machines are up, and none of them meets the needs of a graph that jobs may wait with. */
  onHopeless(listener: (needs: GraphNeeds, missing: readonly string[]) => void): void {
    this.#onHopeless.push(listener);
  }

  /** Tells the listeners of `onHopeless` again about the needs that no machine meets. Call it when they could not act before. */
  tellHopeless(): void {
    for (const instance of this.#up()) void this.#askAll(instance);
  }

  /** A job waits with these needs: the machines are asked about them, now and at each inspection. */
  enter(needs: GraphNeeds): void {
    const { key } = needs;
    const isSettled = this.#watched.has(key) && this.#instances.some(({ health }) => health.graphs.has(key));
    this.#watched.enter(needs);
    if (!isSettled) for (const instance of this.#up()) void this.#askOrGiveUp(instance, needs);
  }

  /** The job no longer waits. Call it once after each `enter`. */
  leave(needs: GraphNeeds): void {
    this.#watched.leave(needs);
  }

  /**
   * Asks every machine that is up. Once one of them has everything, it waits only a moment for the others, which may be
   * better for the job. Never rejects.
   */
  async check(needs: GraphNeeds): Promise<Checked> {
    this.#watched.note(needs);
    const infoOf: NodeLookup = (classType) => this.#infoOf(classType);
    const asking = this.#up().map((instance) => this.#ask(instance, needs));
    const all = Promise.all(asking);
    if (await hasNothingMissing(asking)) {
      await settledWithin(OTHERS_MS, all).catch(() => undefined);
      return { missing: undefined, infoOf };
    }
    const answers = await all;
    const told = answers.filter((missing) => missing !== undefined);
    const isComplete = told.length === answers.length && !this.#instances.some((one) => this.#mayBeBack(one));
    const [fewest] = told.toSorted((one, other) => one.length - other.length);
    const missing = isComplete && fewest && fewest.length > 0 ? fewest : undefined;
    if (missing) this.#watched.drop(needs.key);
    return { missing, infoOf };
  }

  #up(): Instance[] {
    return this.#instances.filter(({ health }) => health.isUp);
  }

  #mayBeBack({ health: { isUp, lastSuccess } }: Instance): boolean {
    return !isUp && lastSuccess !== undefined && this.#clock.now() - lastSuccess < BACK_SOON_MS;
  }

  /** Runs after an inspection: the instance may have been restarted with other nodes, or have other models. */
  async #askAgain(instance: Instance): Promise<void> {
    this.#answers.delete(instance);
    await this.#askAll(instance);
  }

  async #askAll(instance: Instance): Promise<void> {
    for (const needs of this.#watched.all()) {
      if (this.#stopped.signal.aborted || !instance.health.isUp) return;
      await this.#askOrGiveUp(instance, needs);
    }
  }

  async #askOrGiveUp(instance: Instance, needs: GraphNeeds): Promise<void> {
    const missing = await this.#ask(instance, needs);
    if (missing?.length) this.#giveUp(needs, missing);
  }

  #giveUp(needs: GraphNeeds, missing: readonly string[]): void {
    const isNowhere = this.#instances.every((one) => {
      const { isUp, graphs } = one.health;
      return isUp && !graphs.has(needs.key) && this.#answers.get(one)?.told.has(needs.key);
    });
    if (isNowhere) for (const listener of this.#onHopeless) listener(needs, missing);
  }

  /** @returns what the instance lacks; `undefined` if the request failed */
  async #ask(instance: Instance, needs: GraphNeeds): Promise<readonly string[] | undefined> {
    try {
      const answers = this.#answersOf(instance);
      const missing = await this.#missingOn(instance, answers, needs);
      // The instance was inspected in the meantime, maybe after a restart.
      if (this.#answers.get(instance) !== answers)
        return this.#up().includes(instance) ? await this.#ask(instance, needs) : undefined;
      answers.told.add(needs.key);
      this.#note(instance, needs.key, missing.length === 0);
      return missing;
    } catch (error) {
      const fields = { instance: instance.host, error: messageOf(error) };
      this.#logger.debug('An instance does not tell what it has', fields);
      return undefined;
    }
  }

  /** @param isAble whether the instance meets the needs */
  #note({ health: { graphs } }: Instance, key: string, isAble: boolean): void {
    if (!isAble) graphs.delete(key);
    if (!isAble || graphs.has(key) || !this.#watched.has(key)) return;
    graphs.add(key);
    if (this.#watched.isWaiting(key)) for (const listener of this.#onAble) listener();
  }

  async #missingOn(
    instance: Instance,
    answers: Answers,
    { nodes, models, labels }: GraphNeeds,
  ): Promise<readonly string[]> {
    const classes = new Set([...nodes, ...models.map(({ node }) => node)]);
    const infos = new Map<string, NodeInfo | undefined>();
    let missing = 0;
    const few = pLimit(MAX_REQUESTS);
    const asking = [...classes].map((name) =>
      few(async () => {
        if (missing >= MAX_MISSING) return;
        const info = await this.#nodeInfo(instance, answers, name);
        infos.set(name, info);
        if (!info) missing += 1;
      }),
    );
    await Promise.all(asking);
    const without = missingLabels(labels, instance.settings.labels);
    return [...missingOf({ nodes, models }, [], infos), ...without].slice(0, MAX_MISSING);
  }

  #nodeInfo(instance: Instance, { asked, infos }: Answers, name: string): Promise<NodeInfo | undefined> {
    const known = asked.get(name);
    if (known) return known;
    if (asked.size >= MAX_CLASSES) asked.clear();
    const answer = instance.client.nodeInfo(name);
    asked.set(name, answer);
    answer.then(
      (info) => info && infos.set(name, info),
      () => asked.delete(name),
    );
    return answer;
  }

  #answersOf(instance: Instance): Answers {
    const known = this.#answers.get(instance) ?? { asked: new Map(), infos: new Map(), told: new Set() };
    this.#answers.set(instance, known);
    return known;
  }

  #infoOf(classType: string): NodeInfo | undefined {
    for (const { infos } of this.#answers.values()) {
      const info = infos.get(classType);
      if (info) return info;
    }
    return undefined;
  }
}

/** Resolves to true at the first machine that lacks nothing, otherwise to false when all were asked. */
function hasNothingMissing(asking: ReadonlyArray<Promise<readonly string[] | undefined>>): Promise<boolean> {
  const able = asking.map(async (answer) => {
    if ((await answer)?.length !== 0) throw new Error('this machine lacks something');
  });
  return Promise.any(able).then(
    () => true,
    () => false,
  );
}
