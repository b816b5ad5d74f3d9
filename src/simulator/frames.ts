/** Event types of binary messages, and formats of images, as numbers. */
const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
const FORMATS = { JPEG: 1, PNG: 2 } as const;

/** A preview: 4 bytes of event type, 4 of image format, the image. */
export function previewFrame(image: Buffer, format: keyof typeof FORMATS = 'JPEG'): Buffer {
  return Buffer.concat([numbers(PREVIEW, FORMATS[format]), image]);
}

/** A preview that says whose it is: 4 bytes of event type, 4 of the JSON's length, the JSON, the image. */
export function previewFrameWithMetadata(image: Buffer, metadata: Readonly<Record<string, unknown>>): Buffer {
  const json = Buffer.from(JSON.stringify(metadata));
  return Buffer.concat([numbers(PREVIEW_WITH_METADATA, json.length), json, image]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n);
  return bytes;
}
