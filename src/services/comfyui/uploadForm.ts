import { randomBytes } from 'node:crypto';
import { bytesOf, type Content, type StoredFile } from '../../utils/StoredFile.js';
import type { RequestBody, StreamedBody } from './requestBody.js';

// Random, so that no file contains it and no search is needed. A client that knew it could add fields to the form.
const BOUNDARY = `comfyui-express-${randomBytes(12).toString('hex')}`;

const field = (name: string, value: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

/** Below this size, copying is faster than sending several buffers. */
const SMALL_BYTES = 64 * 1024;

const TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

/**
 * The body of `POST /upload/image` for a file in the temp folder. Written manually: `FormData` streams a `Blob` in
 * chunks, which takes longer than the whole upload of a small image.
 * @param name without characters that need escaping
 */
export function uploadForm(name: string, content: Content): RequestBody {
  const head =
    field('type', 'temp') +
    field('overwrite', 'true') +
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="${name}"\r\n` +
    'Content-Type: application/octet-stream\r\n\r\n';
  const type = `multipart/form-data; boundary=${BOUNDARY}`;
  if (!Buffer.isBuffer(content)) return { type, bytes: streamed(Buffer.from(head), content) };
  const pieces = [Buffer.from(head), content, TAIL];
  return { type, bytes: content.length > SMALL_BYTES ? pieces : Buffer.concat(pieces) };
}

/** The form for a file outside of memory, which is read while it is sent. */
function streamed(head: Buffer, file: StoredFile): StreamedBody {
  return {
    sizeBytes: head.length + file.sizeBytes + TAIL.length,
    chunks: () => formChunks(head, file),
  };
}

async function* formChunks(head: Buffer, file: StoredFile): AsyncGenerator<Buffer, void> {
  yield head;
  yield* bytesOf(file);
  yield TAIL;
}
