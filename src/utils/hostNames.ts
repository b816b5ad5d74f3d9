/** A name, an IPv4 address or an IPv6 address in brackets, with or without a port: what a `Host` header may be. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The name in a `Host` header as names are compared: lower case, no port, no dot at its end, addresses as URLs write
 * them.
 * @returns undefined for what is no host
 */
export function hostNameOf(host: string): string | undefined {
  if (!HOST.test(host) || !URL.canParse(`http://${host}`)) return undefined;
  return new URL(`http://${host}`).hostname.replace(/\.$/, '');
}

/** Whether a host name, as `hostNameOf` gives it, can only lead to this machine. */
export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  // An IPv4 address of 127.0.0.0/8 may be written as an IPv6 one.
  return name === '[::1]' || /^127(\.\d+){3}$/.test(name) || /^\[::ffff:7f[\da-f]{2}:[\da-f]+\]$/.test(name);
}

/** Whether a server that listens on this address (`HOST`) is reached by programs of this machine alone. */
export function isLoopbackAddress(address: string): boolean {
  const name = hostNameOf(address.includes(':') ? `[${address.replace(/^\[|\]$/g, '')}]` : address);
  return name !== undefined && isLoopbackName(name);
}
