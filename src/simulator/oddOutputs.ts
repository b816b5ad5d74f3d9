/** An item as nodes give it that send their image over the socket. */
const ODD = { source: 'websocket', 'content-type': 'image/png', type: 'output' };

/** Images of a node with an item that names no file before them, behind them, or in their place. */
export function withOddItem(ui: unknown, where: 'before' | 'after' | 'alone'): unknown {
  const images = (ui as { images?: unknown } | undefined)?.images;
  if (!Array.isArray(images)) return ui;
  const items = { before: [ODD, ...images], after: [...images, ODD], alone: [ODD] };
  return { ...(ui as object), images: items[where] };
}
