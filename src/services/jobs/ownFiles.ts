import { headOf, type StoredFile, wholeOf } from '../../utils/StoredFile.js';
import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import { isPng } from '../images/png.js';
import { SIGNATURE } from '../images/pngChunks.js';
import { readPngText } from '../images/pngMetadata.js';

/** Longest graph that is searched for a prompt's mark: with a picture inside it is as long as that. */
const MAX_GRAPH_BYTES = 64 * 1024 * 1024;

/**
 * Whether a file that ComfyUI wrote was made by this prompt, as far as it tells: a PNG holds the graph that made it, with
 * the prompt's mark in it, unless ComfyUI runs with `--disable-metadata` or a node writes a text of its own there.
 */
export async function isOwn({ bytes, filename }: MadeOutput, promptId: string): Promise<boolean> {
  if (filename === undefined) return true;
  const png = Buffer.isBuffer(bytes) ? bytes : await wholePng(bytes);
  const text = png && readPngText(png, 'prompt', MAX_GRAPH_BYTES);
  return text === undefined || text.includes(promptId) || !text.includes('"class_type"');
}

/** Whether all of them are, as far as they tell. */
export async function areOwn(outputs: readonly MadeOutput[], promptId: string): Promise<boolean> {
  for (const one of outputs) if (!(await isOwn(one, promptId))) return false;
  return true;
}

async function wholePng(file: StoredFile): Promise<Buffer | undefined> {
  return isPng(await headOf(file, SIGNATURE.length)) ? wholeOf(file) : undefined;
}
