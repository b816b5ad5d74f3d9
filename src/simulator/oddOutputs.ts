/** An item as produced by nodes that send their image over the socket. */
const ODD = { source: 'websocket', 'content-type': 'image/png', type: 'output' };

const OUTSIDE = { filename: 'x.png', subfolder: '../elsewhere', type: 'output' };

/**
 * How a node's output is odd: an item without a file before or after its images, or alone; files outside of ComfyUI's
 * folders, which it does not serve; or beside them a deeply nested value, or what Python writes for floats that are no numbers.
 */
export type OddOutput = 'before' | 'after' | 'alone' | 'outside' | 'deep' | 'too deep' | 'no number';

/** Levels of nesting: what any Python can write, and what only versions from 3.12 on can. */
const LEVELS = { deep: 900, 'too deep': 1500 };

const NO_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Makes a node's output odd. */
export function withOddItem(ui: unknown, where: OddOutput): unknown {
  const images = (ui as { images?: unknown } | undefined)?.images;
  if (!Array.isArray(images)) return ui;
  if (where === 'deep' || where === 'too deep') {
    return { ...(ui as object), nested: [nested(LEVELS[where])] };
  }
  if (where === 'no number') return { ...(ui as object), score: NO_NUMBERS };
  const items = { before: [ODD, ...images], after: [...images, ODD], alone: [ODD], outside: [OUTSIDE] };
  return { ...(ui as object), images: items[where] };
}

function nested(levels: number): unknown {
  let value: unknown = 'inside';
  for (let n = 0; n < levels; n += 1) value = [value];
  return value;
}
