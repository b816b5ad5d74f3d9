import { type Content, sizeOf } from '../../utils/StoredFile.js';
import { GraphFile } from '../../workflows/graph.js';
import type { ImageInput } from '../../workflows/imageNodes.js';
import type { Workflow } from '../../workflows/types.js';
import { normaliseImage } from '../images/normalise.js';
import type { JobFile, JobRequest } from './Job.js';

/** Loaders detect images by their bytes: one extension lets all images share a machine's few names. */
const PICTURE = 'png';

/** The source of a job's files. */
export interface FileLoader {
  /** In memory: for images. */
  whole(file: JobFile): Promise<Buffer>;
  /** In memory, or in a form that can be read any number of times. */
  stored(file: JobFile): Promise<Content>;
}

/**
 * The files of a request in a form that ComfyUI's nodes can read.
 * @param load gets the files
 * @param imageInput how a built-in workflow transfers its image; other files are uploaded
 * @throws AppError `INVALID_IMAGE` for one that cannot be decoded, and the error of `load`
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

/** Size of the largest file, bytes. */
export function largestOf(files: ReadonlyMap<string, GraphFile>): number {
  return Math.max(0, ...[...files.values()].map(({ content }) => sizeOf(content)));
}

/** The extension of a file's name, which some nodes rely on. */
function extensionOf({ filename }: JobFile): string {
  return /\.([a-z0-9]{1,16})$/.exec(filename.toLowerCase())?.[1] ?? 'bin';
}
