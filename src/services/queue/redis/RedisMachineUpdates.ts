import { type MachineUpdate, type MachineUpdates, machineUpdate } from '../MachineUpdates.js';
import type { EventChannel } from './EventChannel.js';

/** Updates about machines over publish and subscribe: one when a job begins there, one when it has ended. */
export class RedisMachineUpdates implements MachineUpdates {
  readonly #channel: EventChannel;
  readonly #listeners: Array<(update: MachineUpdate) => void> = [];

  constructor(channel: EventChannel) {
    this.#channel = channel;
  }

  /** Receives updates of other servers from now on. */
  async start(): Promise<void> {
    // What was missed is found out again by the next jobs.
    await this.#channel.start(
      ({ content }) => this.#hear(content),
      () => undefined,
    );
  }

  stop(): void {
    this.#channel.stop();
  }

  publish(update: MachineUpdate): void {
    const kind = update.execution ? 'execution' : 'loaded';
    this.#channel.send({ kind, id: update.machine, content: JSON.stringify(update) });
  }

  subscribe(listener: (update: MachineUpdate) => void): void {
    this.#listeners.push(listener);
  }

  #hear(content: string): void {
    const update = machineUpdate.safeParse(parsed(content));
    // Another version of the server may say more, or something else.
    if (update.success) for (const listener of this.#listeners) listener(update.data);
  }
}

/** undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
