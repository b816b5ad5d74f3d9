import { isUtf8 } from 'node:buffer';
import { fileTypeFromBuffer } from 'file-type';
import { charset, lookup } from 'mime-types';
import { isDecodable } from '../images/formats.js';
import type { OutputKind } from './Job.js';

/** The type of a file. */
export interface FileNature {
  readonly kind: OutputKind;
  readonly mimeType: string;
  /** File extension without the dot. */
  readonly extension: string;
}

const UNKNOWN = 'application/octet-stream';
const LATENT: FileNature = { kind: 'latent', mimeType: UNKNOWN, extension: 'latent' };
/** A text that a node reported, or a text file. */
export const TEXT: FileNature = { kind: 'text', mimeType: 'text/plain', extension: 'txt' };

/** Safetensors: the length of a JSON header in eight bytes, little endian, then the header. */
const LENGTH_BYTES = 8;
const MAX_HEADER_BYTES = 100 * 1024;

/** First bytes of a file that determine its type: a latent's header is within them. */
export const HEAD_BYTES = 128 * 1024;
/** Extensions of texts besides those of text types. */
const TEXT_EXTENSIONS: ReadonlySet<string> = new Set(['jsonl', 'ndjson', 'srt', 'ass', 'toml']);
/** Extensions of files that are never texts, besides those of images, videos and sounds. */
const BINARY_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['latent', 'safetensors', 'npy', 'npz', 'glb', 'usdz', '3mf', 'zip', '7z', 'gz'],
]);
/** Images, videos and sounds by their extension that may be texts: drawings, pixels as numbers, playlists, and TypeScript (`.ts`). */
const MEDIA_IN_TEXT =
  /^(image\/(svg\+xml|vnd\.dxf|cgm|x-portable-.*|x-xbitmap|x-xpixmap)|audio\/(x-mpegurl|x-pn-realaudio)|video\/mp2t)$/;
/** Types of texts that are told by their beginning. */
const TEXT_TYPES = /^text\/|[/+]xml$/;
/** Bytes of a UTF-8 character, without the last one. */
const MAX_CUT_BYTES = 3;

/**
 * Detects the type of a file from ComfyUI: by its bytes, whatever key and node it came under. Its name decides only
 * if the bytes do not.
 * @param bytes all of them, or the first `HEAD_BYTES`
 * @param filename as ComfyUI named it
 */
export async function natureOf(bytes: Buffer, filename: string): Promise<FileNature> {
  const extension = extensionOf(filename);
  const found = await fileTypeFromBuffer(bytes);
  if (found && !isMistaken(found, bytes, extension)) {
    return { kind: kindOf(found.mime), mimeType: found.mime, extension: found.ext };
  }
  if (isLatent(bytes)) return LATENT;
  if (isText(bytes)) return { ...TEXT, extension: extension ?? TEXT.extension };
  if (extension === 'latent') return LATENT;
  return { kind: 'file', mimeType: UNKNOWN, extension: extension ?? 'bin' };
}

/** Whether a machine may have written the prompt into a file as its metadata: not into a text, unless it is a drawing. */
export function mayHoldPrompt({ kind, extension }: FileNature): boolean {
  return kind !== 'text' || extension === 'svg';
}

/**
 * Whether a file cannot be what its name says: an image, a video, a sound or another binary file without a byte or with a text, such
 * as the page of a proxy; or an image whose bytes are those of no known type. A text may be empty.
 * @param filename as ComfyUI named it
 */
export function isBroken(filename: string, { kind, mimeType }: FileNature, sizeBytes: number): boolean {
  const named = lookup(filename) || UNKNOWN;
  const isBinary = isMedia(kindOf(named)) || BINARY_EXTENSIONS.has(extensionOf(filename) ?? '');
  if (sizeBytes === 0) return isBinary;
  if (kind === 'text' || TEXT_TYPES.test(mimeType)) return isBinary && !MEDIA_IN_TEXT.test(named);
  return kind === 'file' && mimeType === UNKNOWN && isDecodable(named);
}

function isMedia(kind: OutputKind): boolean {
  return kind === 'image' || kind === 'video' || kind === 'audio';
}

/**
 * Whether a text was taken for a binary file because it begins like one: two or three letters are enough for some types.
 * No image, video or sound consists of text alone.
 */
function isMistaken(
  found: { ext: string; mime: string },
  bytes: Buffer,
  extension: string | undefined,
): boolean {
  if (found.ext === extension || TEXT_TYPES.test(found.mime)) return false;
  return (isMedia(kindOf(found.mime)) || namesText(extension)) && isText(bytes);
}

function namesText(extension: string | undefined): boolean {
  if (extension === undefined) return false;
  return TEXT_EXTENSIONS.has(extension) || charset(lookup(extension) || UNKNOWN) === 'UTF-8';
}

function isText(bytes: Buffer): boolean {
  if (bytes.includes(0)) return false;
  if (bytes.length < HEAD_BYTES) return isUtf8(bytes);
  // The last character of a head may be incomplete.
  return [0, 1, 2, MAX_CUT_BYTES].some((cut) => isUtf8(bytes.subarray(0, bytes.length - cut)));
}

function kindOf(mimeType: string): OutputKind {
  const [group] = mimeType.split('/');
  return group === 'image' || group === 'video' || group === 'audio' ? group : 'file';
}

/** The extension of a name, in lower case; undefined if it is unusual. */
function extensionOf(filename: string): string | undefined {
  return /\.([a-z0-9]{1,16})$/.exec(filename.toLowerCase())?.[1];
}

/** Whether the file has the format of `SaveLatent`, under whatever name. */
function isLatent(bytes: Buffer): boolean {
  if (bytes.length < LENGTH_BYTES) return false;
  const length = bytes.readBigUInt64LE(0);
  if (length > BigInt(Math.min(bytes.length - LENGTH_BYTES, MAX_HEADER_BYTES))) return false;
  return bytes.toString('latin1', LENGTH_BYTES, LENGTH_BYTES + Number(length)).includes('"latent_tensor"');
}
