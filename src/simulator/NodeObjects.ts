import { classOf, type Graph } from './prompt.js';

/** Letters that ComfyUI takes: there is no `w`, and a `p` more. */
const LETTERS = 'abcdefghijklmnopqrstupvxyz';

/**
 * The objects of nodes, which live from one prompt to the next as long as each has a node with the same id and class.
 * What an object chooses when it is made stays: the letters in the names of `PreviewImage`'s files.
 */
export class NodeObjects {
  readonly #prefixes = new Map<string, string>();

  /** Forgets the objects of nodes that a prompt does not have; those of expanded nodes go with these. */
  keep(graph: Graph): void {
    const kept = new Set([...graph].map(([id, node]) => keyOf(id, classOf(node))));
    for (const key of this.#prefixes.keys()) {
      const [id = '', classType = ''] = key.split('\0');
      const [outer = ''] = id.split('.');
      const isKept = id === outer ? kept.has(keyOf(id, classType)) : graph.has(outer);
      if (!isKept) this.#prefixes.delete(key);
    }
  }

  tempPrefix(id: string, classType: string): string {
    const key = keyOf(id, classType);
    const letters = Array.from({ length: 5 }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]);
    const prefix = this.#prefixes.get(key) ?? `ComfyUI_temp_${letters.join('')}`;
    this.#prefixes.set(key, prefix);
    return prefix;
  }
}

const keyOf = (id: string, classType: string) => `${id}\0${classType}`;
