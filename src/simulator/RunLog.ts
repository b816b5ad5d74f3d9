import { createHash } from 'node:crypto';
import { annotatedPlace, type Folders } from './folders.js';
import type { NodeClass } from './nodeClass.js';
import { classOf, inputsOf, type Prompt } from './prompt.js';
import { plainText } from './pythonNumbers.js';

/** A prompt that started to run. */
export interface Run {
  readonly id: string;
  /** Epoch ms. */
  readonly at: number;
  /** Hash of the input files: two prompts with the same hash do the same work. */
  readonly files: string;
}

/** The runs of a machine, whatever their result, and the prompts lost when its process died. */
export class RunLog {
  readonly runs: Run[] = [];
  /** Ids of the prompts that were queued, running or in the history when the machine was killed. */
  readonly lost: string[] = [];
  readonly #classes: Readonly<Record<string, NodeClass>>;
  readonly #folders: Folders;

  constructor(classes: Readonly<Record<string, NodeClass>>, folders: Folders) {
    this.#classes = classes;
    this.#folders = folders;
  }

  note({ id, graph }: Prompt): void {
    const hash = createHash('sha256');
    for (const node of graph.values()) {
      const { file } = this.#classes[classOf(node)] ?? {};
      if (!file) continue;
      const place = annotatedPlace(plainText(inputsOf(node)?.get(file.input)));
      hash.update(this.#folders.read(place) ?? id);
    }
    this.runs.push({ id, at: Date.now(), files: hash.digest('base64url') });
  }
}
