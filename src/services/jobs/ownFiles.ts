import { PromptError } from '../../errors.js';
import { headOf, type StoredFile, wholeOf } from '../../utils/StoredFile.js';
import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import { isPng } from '../images/png.js';
import { SIGNATURE } from '../images/pngChunks.js';
import { readPngText } from '../images/pngMetadata.js';
import { eraseMetadata, readMetadataIn } from '../media/eraseMetadata.js';
import { PromptSearch } from '../media/PromptSearch.js';
import { type FileNature, HEAD_BYTES, mayHoldPrompt, natureOf } from './outputKind.js';

/** Maximum size of a graph that is searched for a prompt's mark: it may contain an image. */
const MAX_GRAPH_BYTES = 64 * 1024 * 1024;

/**
 * Whether this prompt made a file, if that can be told: ComfyUI writes the graph that made a file into its metadata, with the
 * prompt's mark, unless it runs with `--disable-metadata` or a node writes no metadata. Of a file outside of memory, only a PNG still
 * has them: others were checked on their way there (`OwnFileCheck`).
 */
export async function isOwn(
  { bytes, filename }: Pick<MadeOutput, 'bytes' | 'filename'>,
  promptId: string,
): Promise<boolean> {
  if (filename === undefined) return true;
  const whole = Buffer.isBuffer(bytes) ? bytes : await wholePng(bytes);
  if (!whole) return true;
  const nature = await natureOf(whole.subarray(0, HEAD_BYTES), filename);
  const check = new OwnFileCheck(nature, filename, promptId);
  await check.look(whole);
  return check.isOwn;
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

/** Checks whether a prompt made a file, by the metadata in it. */
export class OwnFileCheck {
  readonly #nature: FileNature;
  readonly #isPng: boolean;
  readonly #isNameOwn: boolean;
  readonly #search: PromptSearch | undefined;

  /**
   * @param filename as ComfyUI named it
   * @param mark of the prompt; undefined for any prompt
   */
  constructor(nature: FileNature, filename: string, mark: string | undefined) {
    this.#nature = nature;
    this.#isPng = /^image\/a?png$/.test(nature.mimeType);
    this.#isNameOwn = mark !== undefined && filename.includes(mark);
    this.#search = mark === undefined || !mayHoldPrompt(nature) ? undefined : new PromptSearch(mark);
  }

  /**
   * False if another prompt made the file. Videos and sounds whose names have the mark must contain another mark for that: a node may
   * copy a client's file together with its metadata, and no other prompt writes under such a name.
   */
  get isOwn(): boolean {
    if (!this.#search) return true;
    const isCopied = this.#isNameOwn && !this.#isPng;
    return !(isCopied ? this.#search.isOfAnotherMark : this.#search.isOfAnother);
  }

  /** Looks at a whole file, which stays unchanged. */
  async look(bytes: Buffer): Promise<void> {
    const see = this.#search?.see;
    if (!see) return;
    if (this.#isPng) {
      const text = readPngText(bytes, 'prompt', MAX_GRAPH_BYTES);
      if (text !== undefined) see(Buffer.from(text));
    } else if (this.#nature.kind === 'image') see(bytes);
    else await readMetadataIn(bytes, see);
  }

  /** Looks at a file that passes, and erases its metadata as `eraseMetadata`. A PNG is not looked at: its texts may be compressed. */
  passed(parts: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    if (!mayHoldPrompt(this.#nature)) return parts;
    const see = this.#isPng ? undefined : this.#search?.see;
    // In images, metadata may be anywhere.
    return this.#nature.kind === 'image' ? eraseMetadata(seen(parts, see)) : eraseMetadata(parts, see);
  }
}

async function* seen(
  parts: AsyncIterable<Buffer>,
  see: ((part: Buffer) => void) | undefined,
): AsyncGenerator<Buffer, void> {
  for await (const part of parts) {
    see?.(part);
    yield part;
  }
}

async function wholePng(file: StoredFile): Promise<Buffer | undefined> {
  return isPng(await headOf(file, SIGNATURE.length)) ? wholeOf(file) : undefined;
}
