import pLimit from 'p-limit';
import { type FileField, fileFields, isBase64Field } from '../../workflows/files/loaders.js';
import { choicesOf, type NodeInfo, type NodeLookup, optionsOf } from '../../workflows/files/nodeInfo.js';
import type { GraphNode } from '../../workflows/graph.js';
import type { FileCheck } from '../../workflows/objectInfo/PromptCheck.js';
import type { FleetInfo } from '../instances/FleetInfo.js';
import type { FileSource } from '../submissions/Submission.js';
import type { CallerFiles, FileCaller } from './CallerFiles.js';
import type { FoundFile } from './FoundFile.js';
import { annotatedPlace, type FilePlace } from './filePlace.js';

/** Files of one prompt that are searched for at the same time. */
const MAX_SEARCHES = 4;

/** `everywhere`: whichever machine runs the prompt has it. */
type Find = FoundFile | 'everywhere' | 'nowhere';

/** A file that a prompt names, and the first input that does so. */
interface Wanted {
  readonly place: FilePlace;
  readonly classType: string;
  readonly input: string;
}

/** The files that one prompt names: where they are. */
export class PromptFinds {
  readonly #files: CallerFiles;
  readonly #fleet: FleetInfo;
  readonly #caller: FileCaller;
  /** By the name in the prompt. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #found = new Map<string, Find>();
  /** To find them, all inputs of the node are looked at. */
  readonly #fields = new WeakMap<GraphNode, readonly FileField[]>();

  constructor(files: CallerFiles, fleet: FleetInfo, caller: FileCaller) {
    this.#files = files;
    this.#fleet = fleet;
    this.#caller = caller;
  }

  /** Whether names were checked that `find` has not looked for. */
  get hasNew(): boolean {
    return this.#wanted.size > 0;
  }

  /** Checks an input, as a `FileCheck`. A file that was not looked for counts as existing. */
  check(node: GraphNode, input: string, value: string, infoOf: NodeLookup): ReturnType<FileCheck> {
    const info = infoOf(node.classType);
    const fields = this.#fields.get(node) ?? fileFields(node, info);
    this.#fields.set(node, fields);
    const field = fields.find((one) => one.field === input);
    if (!field || isBase64Field(node.classType, input)) return undefined;
    const kind = field.kind === 'mask' ? 'image' : field.kind;
    const place = annotatedPlace(value);
    if (!place) return { kind, isThere: false };
    const find = this.#found.get(value) ?? this.#files.inMemory(place, this.#caller);
    if (find !== undefined) this.#found.set(value, find);
    else this.#wanted.set(value, { place, classType: node.classType, input });
    return { kind, isThere: find !== 'nowhere' || !takesListed(info, input) };
  }

  /** Looks for all names that were checked. */
  async find(): Promise<void> {
    const few = pLimit(MAX_SEARCHES);
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    await Promise.all(
      wanted.map(([value, one]) => few(async () => this.#found.set(value, await this.#search(value, one)))),
    );
  }

  /** Returns the file to send with the prompt; `undefined` if it is on the machines, or nowhere. */
  source(value: string): FileSource | undefined {
    const find = this.#found.get(value);
    const place = annotatedPlace(value);
    if (!place || find === undefined || typeof find === 'string') return undefined;
    const { filename } = place;
    // Another upload under the same name releases it.
    return 'content' in find
      ? { bytes: find.content, filename, isBorrowed: true }
      : { read: find.read, filename };
  }

  async #search(value: string, { place, classType, input }: Wanted): Promise<Find> {
    const own = await this.#files.own(place, this.#caller);
    if (own) return own;
    // Files in a machine's other folders may belong to anyone.
    if (place.type !== 'input') return 'nowhere';
    if (await this.#fleet.isEverywhere(classType, input, value)) return 'everywhere';
    return this.#files.onMachines(place);
  }
}

/** Whether an input takes files from ComfyUI's folders only: nodes of packs may read names from elsewhere. */
function takesListed(info: NodeInfo | undefined, input: string): boolean {
  const options = optionsOf(info, input);
  return (
    choicesOf(info, input) !== undefined || Object.keys(options).some((name) => name.endsWith('_upload'))
  );
}
