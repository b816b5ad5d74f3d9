import { PromptError } from '../../errors.js';
import { headOf, type StoredFile, wholeOf } from '../../utils/StoredFile.js';
import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import { isPng } from '../images/png.js';
import { SIGNATURE } from '../images/pngChunks.js';
import { readPngText } from '../images/pngMetadata.js';

/** Maximum size of a graph that is searched for a prompt's mark: it may contain an image. */
const MAX_GRAPH_BYTES = 64 * 1024 * 1024;

/**
 * Whether this prompt made a file, if that can be told: a PNG contains the graph that made it, with the prompt's mark, unless
 * ComfyUI runs with `--disable-metadata` or a node writes its own text there.
 */
export async function isOwn(
  { bytes, filename }: Pick<MadeOutput, 'bytes' | 'filename'>,
  promptId: string,
): Promise<boolean> {
  if (filename === undefined) return true;
  const png = Buffer.isBuffer(bytes) ? bytes : await wholePng(bytes);
  const text = png && readPngText(png, 'prompt', MAX_GRAPH_BYTES);
  return text === undefined || text.includes(promptId) || !text.includes('"class_type"');
}

/** Whether this prompt made all files, if that can be told. */
export async function areOwn(outputs: readonly MadeOutput[], promptId: string): Promise<boolean> {
  for (const one of outputs) if (!(await isOwn(one, promptId))) return false;
  return true;
}

/** The error for a file that another prompt made. */
export function wrongResult(): PromptError {
  return new PromptError('wrong result', 'The file with the name of a result was created by another prompt.');
}

async function wholePng(file: StoredFile): Promise<Buffer | undefined> {
  return isPng(await headOf(file, SIGNATURE.length)) ? wholeOf(file) : undefined;
}
