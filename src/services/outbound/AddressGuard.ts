import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './publicAddress.js';
import { RefusedAddress } from './RefusedAddress.js';

type LookupAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

interface GuardOptions {
  /** Names and addresses that are always allowed, on any port or on one, as `hostEntry` returns them. */
  readonly allowedHosts: readonly string[];
  /** The setting that they come from, for messages. */
  readonly setting: string;
  /** Resolves names; the operating system by default. */
  readonly resolve?: LookupAll;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Decides which hosts the server may connect to: public ones, and those in the configuration. */
export class AddressGuard {
  readonly #allowed: ReadonlySet<string>;
  readonly #setting: string;
  readonly #resolve: LookupAll;

  constructor({ allowedHosts, setting, resolve = lookup }: GuardOptions) {
    this.#allowed = new Set(allowedHosts);
    this.#setting = setting;
    this.#resolve = resolve;
  }

  /** The problem with a URL, as far as known before its name is resolved; undefined for none. */
  problemWith(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
      return 'must be an http or https URL without credentials';
    }
    if (this.#isRefusedLiteral(url)) return 'must not be an address in a private network';
    return undefined;
  }

  /**
   * Checks the address of a new socket: an address in a URL needs no lookup, so `lookup` does not see it.
   * @throws RefusedAddress
   */
  checkLiteral(url: URL): void {
    if (this.#isRefusedLiteral(url)) throw new RefusedAddress(plainHost(url.hostname), this.#setting);
  }

  /**
   * Resolves names for sockets, and rejects private addresses. The check applies to the addresses of the connection,
   * so that a name cannot change between check and connection.
   * @param port of the connections
   */
  readonly lookupFor =
    (port: number): LookupFunction =>
    (hostname, options, callback) => {
      this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, [], 0);
        const host = plainHost(hostname);
        const [first] = addresses;
        const mayConnect =
          this.#isAllowed(host, port) || addresses.every(({ address }) => isPublicAddress(address));
        if (!first || !mayConnect) callback(new RefusedAddress(host, this.#setting), [], 0);
        else if (options.all) callback(null, addresses, 0);
        else callback(null, first.address, first.family);
      });
    };

  #isRefusedLiteral({ protocol, hostname, port }: URL): boolean {
    const host = plainHost(hostname);
    const ownPort = Number(port || DEFAULT_PORTS[protocol]);
    return isIP(host) !== 0 && !this.#isAllowed(hostname, ownPort) && !isPublicAddress(host);
  }

  /** @param host in the spelling of `hostEntry` */
  #isAllowed(host: string, port: number): boolean {
    return this.#allowed.has(host) || this.#allowed.has(`${host}:${port}`);
  }
}

/** A normalised host: an IPv6 address without brackets, a name without a trailing dot. */
function plainHost(hostname: string): string {
  return hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
}
