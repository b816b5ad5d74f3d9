import { classOf, type Graph } from './prompt.js';

/** The letters that ComfyUI uses: `w` is missing and `p` occurs twice. */
const LETTERS = 'abcdefghijklmnopqrstupvxyz';

/**
 * Node objects, which are kept between prompts as long as each prompt has a node with the same id and class. Values chosen when
 * an object is created stay the same, such as the letters in the file names of `PreviewImage`.
 */
export class NodeObjects {
  readonly #prefixes = new Map<string, string>();

  /** Deletes the objects of nodes that a prompt does not contain, including those of their expanded nodes. */
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
