import { z } from 'zod';

const MAX_NAME = 500;
const name = z.string().max(MAX_NAME);

const outputFile = z.object({
  filename: name.min(1),
  subfolder: name.default(''),
  type: z.enum(['output', 'temp', 'input']).default('output'),
});

/** A file that an output node wrote, as `GET /view` takes it. */
export type OutputFile = z.output<typeof outputFile>;

/** One thing that an output node tells that it made. */
export type OutputItem =
  | { readonly kind: 'file'; readonly file: OutputFile }
  | { readonly kind: 'text'; readonly text: string };

/** Keys under which nodes put texts that are results; strings under other keys are for ComfyUI's interface. */
const TEXT_KEYS: ReadonlySet<string> = new Set(['text', 'texts', 'string', 'strings']);
/** Lists within lists: a node that works through a list may put one into the other. */
const DEPTH = 3;

/**
 * Reads what `executed` and the history tell of an output node: a map from a key (`images`, `gifs`, `audio`, `text`, ...)
 * to a list. Any key may have files, and each item is read by itself: an odd one, such as a picture that was sent over
 * a socket, does not spoil the others.
 */
export function outputItems(output: unknown): OutputItem[] {
  if (typeof output !== 'object' || output === null) return [];
  const items: OutputItem[] = [];
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(output)) {
    const list: unknown[] = [value].flat(DEPTH);
    for (const item of list) {
      if (typeof item === 'string') {
        if (TEXT_KEYS.has(key)) items.push({ kind: 'text', text: item });
        continue;
      }
      const file = outputFile.safeParse(item).data;
      const place = file && JSON.stringify(file);
      // Some nodes tell of the same file under two keys.
      if (!file || place === undefined || seen.has(place)) continue;
      seen.add(place);
      items.push({ kind: 'file', file });
    }
  }
  return items;
}
