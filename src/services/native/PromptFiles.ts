import { endOfString } from '../../utils/jsonMembers.js';
import type { MachineMessage } from '../comfyui/machineMessages.js';
import { type OutputFile, outputItems } from '../comfyui/outputItems.js';
import { workflowNodeId } from '../comfyui/ownOutputs.js';
import { type FilePlace, placeKey } from './filePlace.js';
import type { PromptNames } from './PromptNames.js';

/** The start of a file name in correct JSON: a key cannot begin with an escaped quotation mark, as a part of a text may. */
const FILENAME = /(?<!\\)"filename"\s*:\s*(?=")/g;

/** A file that a prompt created. */
export interface MadeFile {
  /** The place of the file for the client. */
  readonly place: FilePlace;
  /** The file on its machine. */
  readonly onMachine: OutputFile;
  /**
   * The machine's id of the prompt, which is the mark in the file if it is a PNG. Undefined for a file of a node without the mark: its
   * result may come from ComfyUI's cache, and then an earlier prompt made the file.
   */
  readonly mark: string | undefined;
  /** The output node, and the index among its outputs. */
  readonly nodeId: string;
  readonly index: number;
}

/** The files that a prompt has created so far, under the names for its client. */
export class PromptFiles {
  readonly #names: PromptNames;
  readonly #files = new Map<string, MadeFile>();
  /** Number of outputs by output node, and by the node that ran. */
  readonly #made = new Map<string, Map<string, number>>();

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
    return new Set(this.#made.keys());
  }

  /** Forgets all files, because another machine starts the prompt. */
  clear(): void {
    this.#files.clear();
    this.#made.clear();
  }

  /**
   * Adds the files of an `executed` message.
   * @param text the message for the client
   * @returns the message with the client's name of each file
   */
  add({ data }: MachineMessage, mark: string, text: string): string {
    const node = String(data['node']);
    const displayNode = String(data['display_node'] ?? node);
    const nodeId = workflowNodeId(displayNode);
    const isMarked = [node, displayNode].some((id) => id.includes(`-${mark}`));
    const ofNode = this.#made.get(nodeId) ?? new Map<string, number>();
    const before = [...ofNode].reduce((sum, [one, count]) => (one === node ? sum : sum + count), 0);
    const items = outputItems(data['output']);
    for (const [n, item] of items.entries()) {
      if (item.kind !== 'file') continue;
      const place = this.#names.placeForClient(item.file, mark);
      const own = isMarked ? mark : undefined;
      if (place) this.#keep({ place, onMachine: item.file, mark: own, nodeId, index: before + n });
    }
    this.#made.set(nodeId, ofNode.set(node, items.length));
    const unmarked = items.flatMap((item) => (item.kind === 'file' ? [item.file.filename] : []));
    const names = new Set(unmarked.filter((name) => !name.includes(`-${mark}`)));
    return names.size === 0 ? text : this.#renamed(text, names, mark);
  }

  /** Everything else stays as the machine wrote it: whatever Python writes, and however deep. */
  #renamed(text: string, names: ReadonlySet<string>, mark: string): string {
    let renamed = '';
    let from = 0;
    for (const { 0: start, index } of text.matchAll(FILENAME)) {
      const at = index + start.length;
      const end = endOfString(text, at);
      const name = String(JSON.parse(text.slice(at, end)));
      if (!names.has(name)) continue;
      renamed += text.slice(from, at) + JSON.stringify(this.#names.fileForClient(name, mark));
      from = end;
    }
    return renamed + text.slice(from);
  }

  /** Adds a file whose message was missed. */
  addMissed(file: MadeFile): void {
    this.#keep(file);
  }

  #keep(file: MadeFile): void {
    this.#files.set(placeKey(file.place), file);
  }
}
