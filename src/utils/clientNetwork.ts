import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Groups of 16 bits of an IPv6 address that are one client's network: a household or a server gets 64 bits at least. */
const NETWORK_GROUPS = 4;
const UNKNOWN = 'unknown';

/**
 * An address as proxies write it in `X-Forwarded-For`, without its port: `1.2.3.4:5678`, `[2001:db8::1]:443` and
 * `[2001:db8::1]` become the bare address. Anything else stays as it is.
 */
export function withoutPort(address: string): string {
  const match = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d*)?$/.exec(address.trim());
  return match?.[1] ?? match?.[2] ?? address;
}

/**
 * Which addresses are one client: an IPv4 address, also when it is written as an IPv6 one, or the network of 64 bits
 * that an IPv6 address lies in. Ports make no difference. What is no address at all is one client altogether: a name
 * of its own choice would make anybody many.
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
