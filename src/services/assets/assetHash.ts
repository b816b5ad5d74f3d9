const HASH = /^[0-9a-f]{64}$/;

/** Whether a text is the name of an asset. It becomes part of paths and keys, so nothing else may pass. */
export function isAssetHash(text: string): boolean {
  return HASH.test(text);
}
