import { type Content, sizeOf } from '../../utils/StoredFile.js';
import { GraphFile } from '../../workflows/graph.js';
import type { ImageInput } from '../../workflows/imageNodes.js';
import type { Workflow } from '../../workflows/types.js';
import { normaliseImage } from '../images/normalise.js';
import type { JobFile, JobRequest } from './Job.js';

/** Whatever a picture is, its loader goes by the bytes: one ending lets all pictures share a machine's few names. */
const PICTURE = 'png';

/** Where the files of a job come from. */
export interface FileLoader {
  /** In memory: for images. */
  whole(file: JobFile): Promise<Buffer>;
  /** In memory, or where they can be read as often as it takes. */
  stored(file: JobFile): Promise<Content>;
}

/**
 * The files of a request as ComfyUI's nodes can read them.
 * @param load gives the files
 * @param imageInput how a built-in workflow hands its image over; other files are uploaded
 * @throws AppError `INVALID_IMAGE` for one that cannot be decoded, and what `load` throws
 */
export async function graphFiles(
  { files }: JobRequest,
  { isBuiltIn }: Workflow,
  imageInput: ImageInput,
  load: FileLoader,
): Promise<Map<string, GraphFile>> {
  const ready = new Map<string, GraphFile>();
  for (const [name, file] of Object.entries(files)) {
    const { image } = file;
    const fit = image
      ? await normaliseImage(await load.whole(file), image, isBuiltIn ? imageInput : 'upload')
      : await load.stored(file);
    ready.set(name, new GraphFile(fit, image ? PICTURE : extensionOf(file)));
  }
  return ready;
}

/** Bytes of the largest one. */
export function largestOf(files: ReadonlyMap<string, GraphFile>): number {
  return Math.max(0, ...[...files.values()].map(({ content }) => sizeOf(content)));
}

/** What a file's name ends in, which some nodes go by. */
function extensionOf({ filename }: JobFile): string {
  return /\.([a-z0-9]{1,16})$/.exec(filename.toLowerCase())?.[1] ?? 'bin';
}
