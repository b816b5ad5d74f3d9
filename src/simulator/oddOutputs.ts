/** An item as produced by nodes that send their image over the socket. */
const ODD = { source: 'websocket', 'content-type': 'image/png', type: 'output' };

/** Adds an item without a file before or after a node's images, or replaces them by it. */
export function withOddItem(ui: unknown, where: 'before' | 'after' | 'alone'): unknown {
  const images = (ui as { images?: unknown } | undefined)?.images;
  if (!Array.isArray(images)) return ui;
  const items = { before: [ODD, ...images], after: [...images, ODD], alone: [ODD] };
  return { ...(ui as object), images: items[where] };
}
