import type { AssetPresentation } from './AssetStore.js';

/**
 * The header that names a file (RFC 6266): in plain characters, and where there are others in UTF-8 as well. Quotes,
 * backslashes and control characters never get into it.
 */
export function contentDisposition({ filename, isDownload = false }: AssetPresentation): string {
  const plain = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const kind = isDownload ? 'attachment' : 'inline';
  if (plain === filename) return `${kind}; filename="${plain}"`;
  // Half of a pair of surrogates has no encoding.
  const wellFormed = Buffer.from(filename).toString();
  const encoded = encodeURIComponent(wellFormed).replace(/['()*!]/g, percentEncoded);
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
