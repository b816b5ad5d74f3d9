import { posix } from 'node:path';
import type { Answer } from './answers.js';
import { cleanSubfolder, FOLDER_TYPES, type Folders, leadsOut } from './folders.js';
import { parseMultipart } from './multipart.js';

/**
 * Stores the file of a `POST /upload/image` as ComfyUI does. Fields: `image`, `type` (default `input`), `subfolder` and
 * `overwrite`. Without `overwrite`, a file with different bytes under an existing name becomes `name (1).png`; a file with the
 * same bytes keeps the name.
 */
export function saveUpload(
  folders: Folders,
  contentType: string | undefined,
  body: Buffer,
  failure: Answer,
): Answer {
  const parts = parseMultipart(contentType, body) ?? [];
  const field = (name: string) => parts.find((part) => part.name === name)?.bytes.toString();
  const image = parts.find(({ name }) => name === 'image');
  if (!image?.filename) return { status: 400 };
  const named = field('type') ?? 'input';
  const type = FOLDER_TYPES.find((one) => one === named);
  const subfolder = field('subfolder') ?? '';
  const overwrite = ['true', '1'].includes(field('overwrite') ?? '');
  if (!type || leadsOut(subfolder) || leadsOut(image.filename)) return failure;
  const place = (name: string) => {
    const full = posix.join(cleanSubfolder(subfolder), name);
    return { type, subfolder: cleanSubfolder(posix.dirname(full)), filename: posix.basename(full) };
  };
  const { dir, name: stem, ext } = posix.parse(image.filename);
  let name = image.filename;
  for (let n = 1; !overwrite; n += 1) {
    const taken = folders.read(place(name));
    if (!taken || taken.equals(image.bytes)) break;
    name = posix.join(dir, `${stem} (${n})${ext}`);
  }
  folders.write(place(name), image.bytes);
  return { status: 200, json: { name, subfolder, type } };
}
