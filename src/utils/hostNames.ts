import { isIP } from 'node:net';

/** A `Host` header: a name, an IPv4 address or an IPv6 address in brackets, with or without a port. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The normalised name in a `Host` header: lower case, no port, no trailing dot, addresses as in URLs.
 * @returns undefined for an invalid host
 */
export function hostNameOf(host: string): string | undefined {
  if (!HOST.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/\.$/, '');
}

/** An entry of a list of hosts: a name or an address, IPv6 in brackets, with or without a port. */
const ENTRY = /^(?:[\p{L}\p{M}\p{N}._-]+|\[[\da-f:.]+\])(?::(?<port>\d{1,5}))?$/iu;

/**
 * A person's entry in a list of hosts, in the spelling of `hostNameOf`, with the port if it has one: `a.example`, `[::1]:8080`.
 * @returns undefined for anything else, such as URLs, networks and wildcards
 */
export function hostEntry(text: string): string | undefined {
  const written = isIP(text) === 6 ? `[${text}]` : text;
  const found = ENTRY.exec(written);
  if (!found || !URL.canParse(`http://${written}`)) return undefined;
  const name = new URL(`http://${written}`).hostname.replace(/\.$/, '');
  const port = found.groups?.['port'];
  return port === undefined ? name : `${name}:${Number(port)}`;
}

/** Whether a host name, as returned by `hostNameOf`, can only lead to this computer. */
export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  // An IPv4 address of 127.0.0.0/8 in IPv6 notation.
  return name === '[::1]' || /^127(\.\d+){3}$/.test(name) || /^\[::ffff:7f[\da-f]{2}:[\da-f]+\]$/.test(name);
}

/** Whether a server that listens on this address (`HOST`) is reachable from this computer only. */
export function isLoopbackAddress(address: string): boolean {
  const name = hostNameOf(address.includes(':') ? `[${address.replace(/^\[|\]$/g, '')}]` : address);
  return name !== undefined && isLoopbackName(name);
}
