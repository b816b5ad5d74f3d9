const HEADER_LENGTH = 13;
const DESCRIPTOR_LENGTH = 10;
const BLOCK = { extension: 0x21, image: 0x2c, trailer: 0x3b } as const;

/** Whether the file starts as a GIF. */
export function isGif(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'GIF8';
}

/** Whether no image of a GIF is cut off (GIF89a specification). Decoders hide that: they show the part that exists. */
export function isWholeGif(bytes: Buffer): boolean {
  let at = HEADER_LENGTH + coloursLength(bytes[10]);
  let hasImage = false;
  while (at < bytes.length && bytes[at] !== BLOCK.trailer) {
    const isImage = bytes[at] === BLOCK.image;
    if (!isImage && bytes[at] !== BLOCK.extension) return false;
    // An image has one more byte before its data, an extension its label.
    at += isImage ? DESCRIPTOR_LENGTH + coloursLength(bytes[at + DESCRIPTOR_LENGTH - 1]) + 1 : 2;
    // The data are in blocks that start with their length; the last one is empty.
    for (let length = bytes[at]; length !== 0; length = bytes[at]) {
      if (length === undefined) return false;
      at += 1 + length;
    }
    at += 1;
    hasImage ||= isImage;
  }
  // A trailer may be missing: it is after all images.
  return hasImage;
}

/** Length of the colour table that a byte of flags announces. */
function coloursLength(flags = 0): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
