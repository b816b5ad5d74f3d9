import type { LookupFunction } from 'node:net';
/** An address that no webhook may be sent to. */
export declare class RefusedAddress extends Error {
    constructor(host: string);
}
/** Whether an IP address is one of the public internet: not private, loopback, link-local, multicast or reserved. */
export declare function isPublicAddress(address: string): boolean;
/** The host of a URL as names are compared, an IPv6 address without its brackets. */
export declare function hostOf(url: URL): string;
/** Whether the host is an address itself, and none that may be reached. */
export declare function isRefusedLiteral(host: string, allowed: ReadonlySet<string>): boolean;
/**
 * Resolves names for sockets, and refuses those that lead to a private address: checked on the address that is
 * connected to, so that a name cannot point elsewhere between the check and the connection.
 * @param allowed hosts that may be anywhere
 */
export declare function guardedLookup(allowed: ReadonlySet<string>): LookupFunction;
