import { z } from 'zod';

const MAX_NAME = 500;
const name = z.string().max(MAX_NAME);

const outputFile = z.object({
  filename: name.min(1),
  subfolder: name.default(''),
  type: z.enum(['output', 'temp', 'input']).default('output'),
});

/** A file that an output node wrote, as parameters of `GET /view`. */
export type OutputFile = z.output<typeof outputFile>;

/** One item that an output node reports, with the key of the list that contains it, such as `images` or `gifs`. */
export type OutputItem = { readonly key: string } & (
  | { readonly kind: 'file'; readonly file: OutputFile }
  | { readonly kind: 'text'; readonly text: string }
);

/** Keys under which nodes report texts that are results; strings under other keys are for ComfyUI's editor. */
const TEXT_KEYS: ReadonlySet<string> = new Set(['text', 'texts', 'string', 'strings']);
/** Nested lists: a node that processes a list may report one inside the other. */
const DEPTH = 3;

/**
 * Parses the outputs of a node in `executed` and in the history: a map from a key (`images`, `gifs`, `audio`, `text`,
 * ...) to a list. Any key may have files, and each item is parsed separately: an unusual one, such as an image that
 * was sent over a WebSocket, does not affect the others.
 */
export function outputItems(output: unknown): OutputItem[] {
  if (typeof output !== 'object' || output === null) return [];
  const items: OutputItem[] = [];
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(output)) {
    const list: unknown[] = [value].flat(DEPTH);
    for (const item of list) {
      if (typeof item === 'string') {
        if (TEXT_KEYS.has(key)) items.push({ key, kind: 'text', text: item });
        continue;
      }
      const file = outputFile.safeParse(item).data;
      const place = file && JSON.stringify(file);
      // Some nodes report the same file under two keys.
      if (!file || place === undefined || seen.has(place)) continue;
      seen.add(place);
      items.push({ key, kind: 'file', file });
    }
  }
  return items;
}
