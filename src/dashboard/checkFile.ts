import type { Session } from '../client/index.js';
import type { FileInput } from './inputs.js';

type Limits = Session['limits'];

/** Enough bytes to detect the accepted types. */
const HEAD_BYTES = 12;
const MIB = 1024 * 1024;

/**
 * Checks a file before it is sent: its type by its bytes, its size, its pixels. The server checks these again, and more.
 * @returns the problem as a sentence, or undefined if there is none
 */
export async function checkFile(
  file: File,
  { kind }: FileInput,
  limits: Limits,
): Promise<string | undefined> {
  if (file.size === 0) return `${file.name} is empty.`;
  const isPicture = kind === 'image' || kind === 'mask';
  if (isPicture) {
    const type = typeOf(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
    if (!type || !limits.image_types.includes(type)) {
      return `${file.name} is not a ${namesOf(limits.image_types)} picture.`;
    }
  }
  if (file.size > limits.max_file_bytes) {
    return `${file.name} is too large: ${inMegabytes(file.size)}. The limit of this server is ${inMegabytes(limits.max_file_bytes)}.`;
  }
  if (!isPicture) return undefined;
  const pixels = await pixelsOf(file);
  if (pixels === undefined || pixels <= limits.max_image_pixels) return undefined;
  return `${file.name} has too many pixels: ${inMillions(pixels)}. The limit of this server is ${inMillions(limits.max_image_pixels)}.`;
}

/** Describes in a few words what files the server accepts. */
export function limitWords({ kind }: FileInput, limits: Limits): string {
  const size = `up to ${inMegabytes(limits.max_file_bytes)}`;
  return kind === 'image' || kind === 'mask'
    ? `${namesOf(limits.image_types)}, ${size} each`
    : `${size} each`;
}

/** The media type of an image, detected from its first bytes. */
function typeOf(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head);
  if (text.startsWith('\u0089PNG')) return 'image/png';
  if (text.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg';
  if (text.startsWith('RIFF') && text.endsWith('WEBP')) return 'image/webp';
  return undefined;
}

/** Width x height; undefined if this browser cannot read the image. */
async function pixelsOf(file: File): Promise<number | undefined> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    await new Promise((resolve, reject) => {
      image.addEventListener('load', resolve);
      image.addEventListener('error', reject);
      image.src = url;
    });
    return image.naturalWidth * image.naturalHeight;
  } catch {
    return undefined;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function namesOf(types: readonly string[]): string {
  return types.map((type) => type.replace('image/', '').toUpperCase()).join(' or ');
}

function inMegabytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1).replace('.0', '')} MB`;
}

function inMillions(pixels: number): string {
  return `${(pixels / 1e6).toFixed(1).replace('.0', '')} million`;
}
