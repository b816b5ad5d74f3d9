import { ownText } from '../../utils/ownText.js';

/** Maximum characters of a media type with its parameters. */
const MAX_HEAD_LENGTH = 256;
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/i;

type Problem = 'malformed' | 'too_large';

/** `mimeType` is the declared type, in lower case and without parameters: not to be trusted. */
export type DataUri = { readonly bytes: Buffer; readonly mimeType: string } | { readonly problem: Problem };

/** Whether a text looks like a `data:` URI. */
export function isDataUri(text: string): boolean {
  return /^data:/i.test(text);
}

/**
 * Parses a `data:` URI (RFC 2397). A URI that is too large is not decoded.
 * @param maxBytes maximum size after decoding
 */
export function parseDataUri(text: string, maxBytes: number): DataUri {
  const comma = text.indexOf(',');
  if (!isDataUri(text) || comma < 0 || comma > MAX_HEAD_LENGTH) return { problem: 'malformed' };
  const [type = '', ...parameters] = text.slice('data:'.length, comma).split(';');
  if (type !== '' && !MEDIA_TYPE.test(type)) return { problem: 'malformed' };
  const mimeType = type === '' ? 'text/plain' : ownText(type.toLowerCase());
  const isBase64 = parameters.at(-1)?.trim().toLowerCase() === 'base64';
  const bytes = isBase64
    ? base64Bytes(text.slice(comma + 1), maxBytes)
    : plainBytes(text.slice(comma + 1), maxBytes);
  return typeof bytes === 'string' ? { problem: bytes } : { bytes, mimeType };
}

/** Characters of a percent-encoded byte: a text with more for each byte is certainly too large. */
const LONGEST_PER_BYTE = 3;

function plainBytes(text: string, maxBytes: number): Buffer | Problem {
  if (text.length > maxBytes * LONGEST_PER_BYTE) return 'too_large';
  const bytes = percentDecoded(text);
  if (!bytes) return 'malformed';
  return bytes.length > maxBytes ? 'too_large' : bytes;
}

function base64Bytes(text: string, maxBytes: number): Buffer | Problem {
  // Four digits for three bytes, each of them percent-encoded at worst.
  if (text.length > (Math.ceil(maxBytes / 3) * 4 + 4) * LONGEST_PER_BYTE) return 'too_large';
  const encoded = text.includes('%') ? percentDecoded(text)?.toString('latin1') : text;
  // Some encoders insert line breaks.
  const digits = encoded?.replace(/\s+/g, '').replace(/={1,2}$/, '');
  if (digits === undefined || digits.length % 4 === 1) return 'malformed';
  const length = Math.floor((digits.length * 3) / 4);
  if (length > maxBytes) return 'too_large';
  const bytes = Buffer.from(digits, 'base64');
  // Node skips invalid digits.
  return bytes.length === length ? bytes : 'malformed';
}

/** Bytes of a percent-encoded text, which need not be UTF-8. */
function percentDecoded(text: string): Buffer | undefined {
  if (/%(?![0-9a-f]{2})/i.test(text)) return undefined;
  const bytes = Buffer.from(text);
  if (!text.includes('%')) return bytes;
  let to = 0;
  for (let from = 0; from < bytes.length; to += 1) {
    const isEncoded = bytes[from] === 0x25;
    bytes[to] = isEncoded
      ? Number.parseInt(bytes.toString('latin1', from + 1, from + 3), 16)
      : (bytes[from] ?? 0);
    from += isEncoded ? 3 : 1;
  }
  return bytes.subarray(0, to);
}
