import type { Instance } from '../instances/Instance.js';
import type { ChosenSlot } from './Dispatcher.js';

/** Where a job runs. Its slot moves with it, if it continues its prompt on another machine. */
export class JobPlace {
  #slot: ChosenSlot;

  constructor(slot: ChosenSlot) {
    this.#slot = slot;
  }

  get slot(): ChosenSlot {
    return this.#slot;
  }

  get instance(): Instance {
    return this.#slot.instance;
  }

  /** Takes a slot where the prompt is, so that others can use the present one. */
  async moveTo(instance: Instance): Promise<void> {
    this.#slot = await this.#slot.moveTo(instance);
  }
}
