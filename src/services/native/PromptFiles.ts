import { endOfString } from '../../utils/jsonMembers.js';
import type { MachineMessage } from '../comfyui/machineMessages.js';
import { type OutputFile, outputItems } from '../comfyui/outputItems.js';
import { type FilePlace, placeKey } from './filePlace.js';
import type { PromptNames } from './PromptNames.js';

/** The start of a file's name or folder in correct JSON: a key cannot begin with an escaped quotation mark, as a part of a text may. */
const PLACE_PART = /(?<!\\)"(filename|subfolder)"\s*:\s*(?=")/g;

/** A file that a prompt created. */
export interface MadeFile {
  /** The place of the file for the client. */
  readonly place: FilePlace;
  /** The file on its machine. */
  readonly onMachine: OutputFile;
  /**
   * The machine's id of the prompt, which is the mark in the file if that has metadata. Undefined if the prompt may not have made it: the
   * result of a node without the mark may come from ComfyUI's cache, or be an input.
   */
  readonly mark: string | undefined;
}

/** The files that a prompt has created so far, under the names for its client. */
export class PromptFiles {
  readonly #names: PromptNames;
  readonly #files = new Map<string, MadeFile>();
  /** The output nodes that sent a message. */
  readonly #nodes = new Set<string>();
  /** Nodes that ran, on the machine: their results are not from its cache. */
  readonly #ran = new Set<string>();

  constructor(names: PromptNames) {
    this.#names = names;
  }

  get(place: FilePlace): MadeFile | undefined {
    return this.#files.get(placeKey(place));
  }

  places(): FilePlace[] {
    return [...this.#files.values()].map(({ place }) => place);
  }

  /** Returns the output nodes that sent a message. */
  nodes(): ReadonlySet<string> {
    return this.#nodes;
  }

  /** Forgets all files, because another machine starts the prompt. */
  clear(): void {
    this.#files.clear();
    this.#nodes.clear();
    this.#ran.clear();
  }

  /** Notes that a node runs. @param node its id on the machine */
  addRunning(node: string): void {
    this.#ran.add(node);
  }

  /**
   * Adds the files of an `executed` message.
   * @returns the message for the client
   */
  add(message: MachineMessage, mark: string): string {
    const { data } = message;
    const node = String(data['node']);
    const displayNode = String(data['display_node'] ?? node);
    const isMarked = [node, displayNode].some((id) => id.includes(`-${mark}`));
    const files = outputItems(data['output']).flatMap((item) => (item.kind === 'file' ? [item.file] : []));
    for (const file of files) {
      const place = this.#names.placeForClient(file, mark);
      const isOwn = isMarked || (this.#ran.has(node) && file.type !== 'input');
      if (place) this.#keep({ place, onMachine: file, mark: isOwn ? mark : undefined });
    }
    this.#nodes.add(this.#names.nodeForClient(displayNode, mark));
    return this.#textOf(message, new Set(files.map(({ filename }) => filename)), mark);
  }

  /**
   * Everything but names and folders of files stays as the machine wrote it, apart from ids: whatever Python writes, and however deep.
   * @param names of the machine's files
   */
  #textOf({ text, promptId }: MachineMessage, names: ReadonlySet<string>, mark: string): string {
    let renamed = '';
    let from = 0;
    for (const { 0: start, 1: key, index } of text.matchAll(PLACE_PART)) {
      const at = index + start.length;
      const end = endOfString(text, at);
      const part = String(JSON.parse(text.slice(at, end)));
      const own = key === 'filename' && names.has(part) ? this.#names.fileForClient(part, mark) : part;
      const shown = this.#names.folderForClient(own, mark);
      if (shown === part) continue;
      renamed += this.#names.forClient(text.slice(from, at), promptId, mark) + JSON.stringify(shown);
      from = end;
    }
    return renamed + this.#names.forClient(text.slice(from), promptId, mark);
  }

  /** Adds a file whose message was missed. */
  addMissed(file: MadeFile): void {
    this.#keep(file);
  }

  #keep(file: MadeFile): void {
    this.#files.set(placeKey(file.place), file);
  }
}
