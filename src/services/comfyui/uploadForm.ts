import { bytesOf, type Content, type StoredFile } from '../../utils/StoredFile.js';
import type { RequestBody, StreamedBody } from './requestBody.js';

// Random enough that no picture contains it, and the same for all so that nothing is searched.
const BOUNDARY = 'comfyui-express-5f1c9e0ab7d24e6f8a3b';

const field = (name: string, value: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

/** Copying fewer bytes takes less time than sending several pieces. */
const SMALL_BYTES = 64 * 1024;

const TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);

/**
 * The body of `POST /upload/image` for a file in the temp folder. Written by hand: `FormData` streams a `Blob` in pieces,
 * which takes longer than a small picture's whole upload.
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

/** The form of a file that is not in memory: it is read while it is sent. */
function streamed(head: Buffer, file: StoredFile): StreamedBody {
  return {
    sizeBytes: head.length + file.sizeBytes + TAIL.length,
    async *chunks() {
      yield head;
      yield* bytesOf(file);
      yield TAIL;
    },
  };
}
