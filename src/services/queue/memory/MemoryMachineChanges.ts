import type { MachineChanges, MachineChangeTexts } from '../MachineChanges.js';

/** For a server that shares its machines with no other one: the changes end with the process. */
export class MemoryMachineChanges implements MachineChanges {
  readonly #texts = new Map<string, string>();
  #version = 0;

  read(): Promise<MachineChangeTexts> {
    return Promise.resolve({ version: String(this.#version), texts: new Map(this.#texts) });
  }

  replace(version: string, name: string, text: string | undefined): Promise<boolean> {
    if (version !== String(this.#version)) return Promise.resolve(false);
    this.#version += 1;
    if (text === undefined) this.#texts.delete(name);
    else this.#texts.set(name, text);
    return Promise.resolve(true);
  }
}
