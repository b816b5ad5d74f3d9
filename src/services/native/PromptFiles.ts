import type { MachineMessage } from '../comfyui/machineMessages.js';
import { type OutputFile, outputItems } from '../comfyui/outputItems.js';
import { workflowNodeId } from '../comfyui/ownOutputs.js';
import type { JobOutput } from '../jobs/Job.js';
import { type FilePlace, filePlace, placeKey } from './filePlace.js';
import type { PromptNames } from './PromptNames.js';

/** A file that a prompt made. */
export interface MadeFile {
  /** Where its client finds it. */
  readonly place: FilePlace;
  /** Where its machine has it. */
  readonly onMachine: OutputFile;
  /** The output node, and which of the things that it made. */
  readonly nodeId: string;
  readonly index: number;
}

/** The files that one prompt has made so far, by the names that its client knows. */
export class PromptFiles {
  readonly #names: PromptNames;
  readonly #files = new Map<string, MadeFile>();
  /** How many things each output node made, by the node that ran. */
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

  /** Output nodes of which something was heard. */
  nodes(): ReadonlySet<string> {
    return new Set(this.#made.keys());
  }

  /** Another machine begins. */
  clear(): void {
    this.#files.clear();
    this.#made.clear();
  }

  /** Takes an `executed` message. */
  add({ data }: MachineMessage, mark: string): void {
    const node = String(data['node']);
    const nodeId = workflowNodeId(String(data['display_node'] ?? node));
    const ofNode = this.#made.get(nodeId) ?? new Map<string, number>();
    const before = [...ofNode].reduce((sum, [one, count]) => (one === node ? sum : sum + count), 0);
    const items = outputItems(data['output']);
    for (const [n, item] of items.entries()) {
      if (item.kind === 'file') this.#keep(item.file, nodeId, before + n, mark);
    }
    this.#made.set(nodeId, ofNode.set(node, items.length));
  }

  /** Takes what nothing was heard of while it was made. @param place for the client */
  addMissed(place: FilePlace, index: number, { nodeId }: JobOutput): void {
    this.#files.set(placeKey(place), { place, onMachine: place, nodeId, index });
  }

  #keep(file: OutputFile, nodeId: string, index: number, mark: string): void {
    const name = this.#names.forClient(file.filename, mark, mark);
    const subfolder = this.#names.forClient(file.subfolder, mark, mark);
    const place = filePlace(file.type, subfolder, name);
    if (place) this.#files.set(placeKey(place), { place, onMachine: file, nodeId, index });
  }
}
