import { PromptError } from '../../errors.js';
import type { FleetInfo } from '../instances/FleetInfo.js';
import type { Instance } from '../instances/Instance.js';
import type { FoundFile } from './FoundFile.js';
import type { FilePlace } from './filePlace.js';
import type { InputFile, InputFiles } from './InputFiles.js';
import type { ResultFiles } from './ResultFiles.js';

/** A client, as far as files are concerned. */
export interface FileCaller {
  readonly owner: string | undefined;
  /** Whether the caller may access files of this owner. */
  readonly mayUse: (owner: string | undefined) => boolean;
}

interface Parts {
  readonly inputs: InputFiles;
  readonly results: ResultFiles;
  readonly fleet: FleetInfo;
  /** Maximum width x height of a picture that is not a result. */
  readonly maxPixels: number;
}

/** Finds any file that a client may access. */
export class CallerFiles {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Returns an upload of the caller at once, if it is in memory. One in a store may no longer exist: `own` knows. */
  inMemory(place: FilePlace, { owner }: FileCaller): FoundFile | undefined {
    const file = this.#parts.inputs.get(owner, place);
    return file && Buffer.isBuffer(file.content) ? this.#uploaded(file) : undefined;
  }

  /** Returns an upload, or an output of a prompt; `undefined` if there is no such file, or the caller may not access it. */
  async own(place: FilePlace, caller: FileCaller): Promise<FoundFile | undefined> {
    const uploaded = await this.#parts.inputs.find(caller.owner, place);
    if (uploaded) return this.#uploaded(uploaded);
    return this.#parts.results.find(place, caller.owner, caller.mayUse);
  }

  /**
   * Like `own`; also finds a file in the input folder of a machine. Whether that exists is known when it is read:
   * reading rejects with PromptError `result gone` if no machine has it.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  async any(place: FilePlace, caller: FileCaller): Promise<FoundFile | undefined> {
    const found = await this.own(place, caller);
    // Files in a machine's other folders may belong to anyone.
    if (found || place.type !== 'input') return found;
    const { fleet } = this.#parts;
    const first = fleet.first();
    const others = fleet.healthy.filter((instance) => instance !== first);
    return this.#onFirst([first, ...others], place);
  }

  /**
   * Asks the healthy machines whether they have a file in their input folders. Never rejects.
   * @returns `everywhere` also if no machine is known to have it, but one of them does not tell
   */
  async onMachines(place: FilePlace): Promise<'everywhere' | 'nowhere' | FoundFile> {
    const { healthy } = this.#parts.fleet;
    const answers = await Promise.all(
      healthy.map((instance) => instance.client.files.has(place).catch(() => undefined)),
    );
    const holders = healthy.filter((_, n) => answers[n] === true);
    if (holders.length === 0) return answers.includes(undefined) ? 'everywhere' : 'nowhere';
    if (holders.length === healthy.length) return 'everywhere';
    return this.#onFirst(holders, place);
  }

  #uploaded({ content, version }: InputFile): FoundFile {
    return { content, version, maxPixels: this.#parts.maxPixels };
  }

  #onFirst(machines: readonly Instance[], place: FilePlace): FoundFile {
    return {
      read: (receive) =>
        fromFirst(machines, ({ client }) => client.files.stream(place, (body) => receive(body))),
      ask: (request, receive) =>
        fromFirst(machines, ({ client }) => client.files.part(place, request, receive)),
      maxPixels: this.#parts.maxPixels,
    };
  }
}

/** Reads a file from the first machine that has it. */
async function fromFirst<T>(
  [first, ...others]: readonly Instance[],
  read: (instance: Instance) => Promise<T>,
): Promise<T> {
  if (!first) throw new PromptError('result gone', 'No machine has the file.');
  try {
    return await read(first);
  } catch (error) {
    const isGone = error instanceof PromptError && error.failure === 'result gone';
    if (isGone && others.length > 0) return fromFirst(others, read);
    throw error;
  }
}
