import type { AssetPresentation } from './AssetStore.js';

/**
 * Returns the header with a file's name (RFC 6266): in plain characters, and also in UTF-8 if there are others. It
 * never contains quotes, backslashes or control characters.
 */
export function contentDisposition({ filename, isDownload = false }: AssetPresentation): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const kind = isDownload ? 'attachment' : 'inline';
  if (plain === filename) return `${kind}; filename="${plain}"`;
  // An unpaired surrogate has no encoding.
  const wellFormed = Buffer.from(filename).toString();
  const encoded = encodeURIComponent(wellFormed).replace(/['()*!]/g, percentEncoded);
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
