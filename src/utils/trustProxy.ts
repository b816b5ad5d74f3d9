import { isIP } from 'node:net';
import { splitList } from './lists.js';

/** Express' names for loopback, link-local and private addresses. */
const RANGES = ['loopback', 'linklocal', 'uniquelocal'];
const MAX_HOPS = 16;

/**
 * Parses which proxies to trust for a client's address (`X-Forwarded-For`): none, a number of proxies, or proxies with these
 * addresses.
 * @returns undefined if the text is invalid
 */
export function parseTrustProxy(text: string): false | number | string[] | undefined {
  if (text.toLowerCase() === 'false') return false;
  if (/^\d+$/.test(text)) {
    const hops = Number(text);
    return hops >= 1 && hops <= MAX_HOPS ? hops : undefined;
  }
  const addresses = splitList(text);
  return addresses.length > 0 && addresses.every(isAddress) ? addresses : undefined;
}

function isAddress(entry: string): boolean {
  if (RANGES.includes(entry)) return true;
  const [address = '', bits, ...rest] = entry.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}
