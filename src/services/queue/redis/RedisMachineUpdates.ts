import { jsonIfValid } from '../../../utils/jsonIfValid.js';
import { type MachineUpdate, type MachineUpdates, machineUpdate } from '../MachineUpdates.js';
import type { EventChannel } from './EventChannel.js';

/** Sends updates about machines over Redis Pub/Sub: one when a job starts there, one when it has ended. */
export class RedisMachineUpdates implements MachineUpdates {
  readonly #channel: EventChannel;
  readonly #listeners: Array<(update: MachineUpdate) => void> = [];

  constructor(channel: EventChannel) {
    this.#channel = channel;
  }

  /** Starts to receive updates of other servers. */
  async start(): Promise<void> {
    // A missed update does no harm: the next jobs send it again.
    await this.#channel.start(
      ({ content }) => this.#hear(content),
      () => undefined,
    );
  }

  stop(): void {
    this.#channel.stop();
  }

  publish(update: MachineUpdate): void {
    const kind = update.started ? 'started' : 'ended';
    this.#channel.send({ kind, id: update.machine, content: JSON.stringify(update) });
  }

  subscribe(listener: (update: MachineUpdate) => void): void {
    this.#listeners.push(listener);
  }

  #hear(content: string): void {
    const update = machineUpdate.safeParse(jsonIfValid(content));
    // Another version of the server may send other fields.
    if (update.success) for (const listener of this.#listeners) listener(update.data);
  }
}
