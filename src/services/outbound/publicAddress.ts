import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The public part of IPv6 (IANA's registry of IPv6 unicast addresses). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** An IPv4 address that hosts without IPv4 reach through a translator (RFC 6052). */
const TRANSLATED = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
/**
 * Addresses that look public and lead to the platform of the server: Azure's host agent. The metadata services of the
 * other clouds are link-local, shared (100.64.0.0/10), reserved or unique local addresses.
 */
const PLATFORM_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16']);

/**
 * Whether an IP address is on the public internet: not in a private, shared, loopback, link-local, multicast,
 * documentation, benchmark or reserved range (IANA's registries of special-purpose addresses), and not one of a
 * cloud's own services. An IPv6 address that carries an IPv4 address for a translator is judged by that one; tunnels
 * (6to4, Teredo) and the old IPv4-compatible form are never public.
 * @returns false for anything that is not an IP address, and for one with a zone, which is only valid on a local link
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false;
  // Converts an IPv4-mapped address to the IPv4 address that the socket connects to.
  const parsed = ipaddr.process(isIP(address) === 6 ? inHex(address) : address);
  if (parsed instanceof ipaddr.IPv4) return isPublicIPv4(parsed);
  if (parsed.match(TRANSLATED)) return isPublicIPv4(new ipaddr.IPv4(parsed.toByteArray().slice(12)));
  return parsed.match(GLOBAL_UNICAST) && parsed.range() === 'unicast';
}

function isPublicIPv4(address: ipaddr.IPv4): boolean {
  return address.range() === 'unicast' && !PLATFORM_ADDRESSES.has(address.toString());
}

/** An IPv6 address without dots: the library treats `::8.8.8.8`, which is IPv4-compatible, as IPv4-mapped. */
function inHex(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
