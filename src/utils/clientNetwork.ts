import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Groups of 16 bits of an IPv6 address that identify a client's network: a household or server gets at least 64 bits.
 */
const NETWORK_GROUPS = 4;
const UNKNOWN = 'unknown';

/**
 * An address from `X-Forwarded-For` without its port: `1.2.3.4:5678`, `[2001:db8::1]:443` and `[2001:db8::1]` become
 * the bare address. Anything else stays unchanged.
 */
export function withoutPort(address: string): string {
  const match = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d*)?$/.exec(address.trim());
  return match?.[1] ?? match?.[2] ?? address;
}

/**
 * The client of an address: an IPv4 address, also in IPv6 notation, or the /64 network of an IPv6 address. Ports do
 * not matter. All invalid addresses are one client; otherwise anyone could appear as many.
 */
export function clientNetwork(given: string | undefined): string {
  if (given === undefined) return UNKNOWN;
  if (isIPv4(given)) return given;
  const address = withoutPort(given);
  if (!ipaddr.isValid(address)) return UNKNOWN;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  const network = parsed.parts.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}
