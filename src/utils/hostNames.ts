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
