/**
 * Moves an entry to the end of a map, and removes the first entry if the map has more than `most`.
 * @returns the removed key
 */
export function keepNewest<K, V>(map: Map<K, V>, key: K, value: V, most: number): K | undefined {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return undefined;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
  return oldest;
}
