/**
 * Puts an entry at the end of a map, and removes the first one where there are more than `most`.
 * @returns the key that was removed
 */
export function keepNewest<K, V>(map: Map<K, V>, key: K, value: V, most: number): K | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return undefined;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
  return oldest;
}
