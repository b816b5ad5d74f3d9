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
  /** Names and addresses that are always allowed. */
  readonly allowedHosts: readonly string[];
  /** The setting that they come from, for messages. */
  readonly setting: string;
  /** Resolves names; the operating system by default. */
  readonly resolve?: LookupAll;
}

/** Decides which hosts the server may connect to: public ones, and those in the configuration. */
export class AddressGuard {
  readonly #allowed: ReadonlySet<string>;
  readonly #setting: string;
  readonly #resolve: LookupAll;

  constructor({ allowedHosts, setting, resolve = lookup }: GuardOptions) {
    this.#allowed = new Set(allowedHosts.map(canonicalHost));
    this.#setting = setting;
    this.#resolve = resolve;
  }

  /** The problem with a URL, as far as known before its name is resolved; undefined for none. */
  problemWith(text: string): string | undefined {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
      return 'must be an http or https URL without credentials';
    }
    if (this.#isRefusedLiteral(plainHost(url.hostname))) return 'must not be an address in a private network';
    return undefined;
  }

  /**
   * Checks the address of a new socket: an address in a URL needs no lookup, so `lookup` does not see it.
   * @throws RefusedAddress
   */
  checkLiteral({ hostname }: URL): void {
    const host = plainHost(hostname);
    if (this.#isRefusedLiteral(host)) throw new RefusedAddress(host, this.#setting);
  }

  /**
   * Resolves names for sockets, and rejects private addresses. The check applies to the addresses of the connection,
   * so that a name cannot change between check and connection.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, [], 0);
      const host = plainHost(hostname);
      const [first] = addresses;
      const mayConnect =
        this.#allowed.has(host) || addresses.every(({ address }) => isPublicAddress(address));
      if (!first || !mayConnect) callback(new RefusedAddress(host, this.#setting), [], 0);
      else if (options.all) callback(null, addresses, 0);
      else callback(null, first.address, first.family);
    });
  };

  #isRefusedLiteral(host: string): boolean {
    return isIP(host) !== 0 && !this.#allowed.has(host) && !isPublicAddress(host);
  }
}

/** A normalised host: an IPv6 address without brackets, a name without a trailing dot. */
function plainHost(hostname: string): string {
  return hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
}

/** The same for a person's input, in the spelling of URLs. */
function canonicalHost(text: string): string {
  const url = `http://${isIP(text) === 6 ? `[${text}]` : text}`;
  return plainHost(URL.canParse(url) ? new URL(url).hostname : text);
}
