import type { MachineChanges } from '../MachineChanges.js';

/** For a server that shares its machines with no other one: the changes end with the process. */
export class MemoryMachineChanges implements MachineChanges {
  readonly #texts = new Map<string, string>();

  all(): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(new Map(this.#texts));
  }

  put(name: string, text: string | undefined): Promise<void> {
    if (text === undefined) this.#texts.delete(name);
    else this.#texts.set(name, text);
    return Promise.resolve();
  }
}
