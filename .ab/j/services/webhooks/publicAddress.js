import { lookup } from 'node:dns';
import ipaddr from 'ipaddr.js';
/** An address that no webhook may be sent to. */
export class RefusedAddress extends Error {
    constructor(host) {
        super(`${host} is inside a private network, and not named by WEBHOOK_ALLOWED_HOSTS`);
        this.name = 'RefusedAddress';
    }
}
/** Whether an IP address is one of the public internet: not private, loopback, link-local, multicast or reserved. */
export function isPublicAddress(address) {
    // An IPv4 address may be written as an IPv6 one.
    return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}
/** The host of a URL as names are compared, an IPv6 address without its brackets. */
export function hostOf(url) {
    return url.hostname.toLowerCase().replace(/^\[|\]$/g, '');
}
/** Whether the host is an address itself, and none that may be reached. */
export function isRefusedLiteral(host, allowed) {
    return ipaddr.isValid(host) && !allowed.has(host) && !isPublicAddress(host);
}
/**
 * Resolves names for sockets, and refuses those that lead to a private address: checked on the address that is
 * connected to, so that a name cannot point elsewhere between the check and the connection.
 * @param allowed hosts that may be anywhere
 */
export function guardedLookup(allowed) {
    return (hostname, options, callback) => {
        lookup(hostname, { ...options, all: true }, (error, addresses) => {
            const host = hostname.toLowerCase();
            const isRefused = !allowed.has(host) && !addresses?.every(({ address }) => isPublicAddress(address));
            const [first] = addresses ?? [];
            if (error)
                callback(error, [], 0);
            else if (isRefused || !first)
                callback(new RefusedAddress(host), [], 0);
            else if (options.all)
                callback(null, addresses, 0);
            else
                callback(null, first.address, first.family);
        });
    };
}
//# sourceMappingURL=publicAddress.js.map