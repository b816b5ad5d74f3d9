import type { Logger } from '../../utils/logger.js';
import type { ComfyClient } from './ComfyClient.js';
import type { Predecessor, ServerState } from './ServerState.js';
import { PROBE } from './severalMachines.js';

/** Number of history entries that are searched; each contains its whole graph. */
const HISTORY_ENTRIES = 200;

/**
 * Cleans up what servers that ended left on the machines: interrupts or removes their prompts, deletes their history entries, and
 * replaces their uploads by one pixel, since ComfyUI cannot delete files.
 */
export class Leftovers {
  readonly #state: ServerState;
  readonly #logger: Logger;
  readonly #hosts: () => readonly string[];
  readonly #wanted: () => Promise<ReadonlySet<string>>;
  /** Clean machines, by the id of the predecessor. */
  readonly #clean = new Map<string, Set<string>>();

  /**
   * @param hosts returns the machines that this server knows; other machines are not cleaned
   * @param wanted returns the ids of prompts that other servers continue
   */
  constructor(
    state: ServerState,
    hosts: () => readonly string[],
    wanted: () => Promise<ReadonlySet<string>>,
    logger: Logger,
  ) {
    this.#state = state;
    this.#wanted = wanted;
    this.#hosts = hosts;
    this.#logger = logger;
  }

  /**
   * Cleans one machine that responds; does nothing if there is nothing to clean. Call it repeatedly: prompts may take a while to
   * stop.
   * @throws PromptError if the machine does not respond
   */
  async clean(client: ComfyClient, signal: AbortSignal): Promise<void> {
    for (const predecessor of this.#state.predecessors) await this.#cleanBehind(predecessor, client, signal);
  }

  async #cleanBehind(predecessor: Predecessor, client: ComfyClient, signal: AbortSignal): Promise<void> {
    const { host } = client.address;
    const clean = this.#clean.get(predecessor.id) ?? new Set();
    this.#clean.set(predecessor.id, clean);
    const hosts = this.#hosts();
    const used = Object.keys(predecessor.uploads).filter((one) => hosts.includes(one));
    if (used.includes(host) && !clean.has(host) && !(await this.#isWanted(client, predecessor.id, signal))) {
      const { prompts, areRunning } = await this.#stopPrompts(client, predecessor.id, signal);
      const names = predecessor.uploads[host] ?? [];
      for (const name of names) await client.upload(name, PROBE, signal);
      if (prompts + names.length > 0) {
        this.#logger.info('Cleaned up after an earlier run', {
          instance: host,
          prompts,
          uploads: names.length,
        });
      }
      // An interrupted prompt stops at its node's next check, and has a history entry then.
      if (!areRunning) clean.add(host);
    }
    if (used.every((one) => clean.has(one))) {
      this.#clean.delete(predecessor.id);
      this.#state.forget(predecessor);
    }
  }

  /** Whether another server continues a prompt of that server on the machine: the prompt may also read its uploads. */
  async #isWanted(client: ComfyClient, serverId: string, signal: AbortSignal): Promise<boolean> {
    const wanted = await this.#wanted();
    if (wanted.size === 0) return false;
    const queued = await client.prompts.queuedPrompts(signal);
    if (queued.some((prompt) => prompt.serverId === serverId && wanted.has(prompt.id))) return true;
    const history = await client.prompts.history(HISTORY_ENTRIES, signal);
    return Object.entries(history).some(
      ([id, { prompt }]) => prompt?.serverId === serverId && wanted.has(id),
    );
  }

  /** @returns the number of prompts, and whether some still run */
  async #stopPrompts(
    client: ComfyClient,
    serverId: string,
    signal: AbortSignal,
  ): Promise<{ prompts: number; areRunning: boolean }> {
    const queued = (await client.prompts.queuedPrompts(signal)).filter(
      (prompt) => prompt.serverId === serverId,
    );
    for (const { id, isRunning } of queued) {
      if (isRunning) await client.interrupt(id, signal);
      else await client.deletePending(id, signal);
    }
    const history = Object.entries(await client.prompts.history(HISTORY_ENTRIES, signal));
    const finished = history.flatMap(([id, { prompt }]) => (prompt?.serverId === serverId ? [id] : []));
    if (finished.length > 0) await client.deleteHistory(finished, signal);
    return {
      prompts: queued.length + finished.length,
      areRunning: queued.some(({ isRunning }) => isRunning),
    };
  }
}
