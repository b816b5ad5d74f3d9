/** Event types of binary messages, and numbers of image formats. */
const PREVIEW = 1;
const TEXT = 3;
const PREVIEW_WITH_METADATA = 4;
const FORMATS = { JPEG: 1, PNG: 2 } as const;

/** A preview: 4 bytes event type, 4 bytes image format, the image. */
export function previewFrame(image: Buffer, format: keyof typeof FORMATS = 'JPEG'): Buffer {
  return Buffer.concat([numbers(PREVIEW, FORMATS[format]), image]);
}

/** A text about a node: 4 bytes event type, 4 bytes length of the node's id, the id, the text. */
export function textFrame(nodeId: string, text: string): Buffer {
  const id = Buffer.from(nodeId);
  return Buffer.concat([numbers(TEXT, id.length), id, Buffer.from(text)]);
}

/** A frame of a node's own: 4 bytes event type, 4 bytes with a number that the node chose, the content. */
export function ownFrame(eventType: number, number: number, content: Buffer): Buffer {
  return Buffer.concat([numbers(eventType, number), content]);
}

/** A preview with metadata: 4 bytes event type, 4 bytes JSON length, the JSON, the image. */
export function previewFrameWithMetadata(image: Buffer, metadata: Readonly<Record<string, unknown>>): Buffer {
  const json = Buffer.from(JSON.stringify(metadata));
  return Buffer.concat([numbers(PREVIEW_WITH_METADATA, json.length), json, image]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n);
  return bytes;
}
