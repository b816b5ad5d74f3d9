import { splitList } from './lists.js';

/** How to reach a ComfyUI machine. */
export interface MachineUrl {
  /** `host:port`, the name in responses and logs. */
  readonly host: string;
  /** `http://host:port`, without a slash at the end. */
  readonly baseUrl: string;
  /** Headers for the credentials in the URL, sent with every request and handshake; never shown or logged. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For https: trusted certificates (PEM), and the host name of the machine's certificate. */
  readonly tls?: { readonly ca?: string; readonly servername?: string };
}

/** The URL and the id of a ComfyUI machine. */
export interface InstanceAddress extends MachineUrl {
  /** `instance-1`, `instance-2`, … in the order of `COMFYUI_HOST`; the given name for machines from another source. */
  readonly id: string;
}

/** A DNS name that stands for each of its addresses. */
export interface DnsName {
  /** The name as displayed: `dns+http://name:8188`. */
  readonly text: string;
  readonly hostname: string;
  /** The URL of the machine at one address. @param address IPv4 or IPv6 */
  at(address: string): MachineUrl;
}

/** The content of `COMFYUI_HOST`. */
export interface InstanceList {
  readonly addresses: readonly InstanceAddress[];
  readonly names: readonly DnsName[];
}

const DEFAULT_PORT = 8188;
const DNS_PREFIX = /^dns\+(?=https?:\/\/)/i;
const ACCEPTED = 'comma-separated host[:port], http(s) or dns+http(s) URLs, IPv6 in brackets';

/**
 * Parses a comma-separated list of `host`, `host:port`, `[v6]:port`, `http(s)://…` or `dns+http(s)://…` entries. A URL may have a
 * path (ComfyUI behind a proxy) and credentials (`http://user:password@host`, for Basic authentication). The default port of a
 * URL is that of its scheme; the default port of a bare host is 8188.
 * @returns a `problem` that quotes no entry if the list contains credentials
 */
export function parseInstances(list: string, useSsl: boolean): InstanceList | { problem: string } {
  const entries = splitList(list);
  // A comma in a password splits it into two entries, and neither of them need contain an "@".
  const areShown = !list.includes('@');
  const addresses: InstanceAddress[] = [];
  const names: DnsName[] = [];
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const parsed = parseDnsName(entry) ?? parseMachineUrl(entry, useSsl);
    if (!parsed) {
      const has = areShown ? JSON.stringify(entry) : `something else as entry ${index + 1}`;
      return { problem: `must be ${ACCEPTED}, but has ${has}` };
    }
    const text = 'at' in parsed ? parsed.text : parsed.host;
    if (seen.has(text)) {
      const has = areShown ? text : `the one of entry ${index + 1}`;
      return { problem: `must list every instance once, but has ${has} twice` };
    }
    seen.add(text);
    if ('at' in parsed) names.push(parsed);
    else addresses.push({ id: `instance-${index + 1}`, ...parsed });
  }
  return entries.length > 0 ? { addresses, names } : { problem: 'must list at least one host' };
}

/** @returns undefined if the entry is no `dns+http(s)` URL of a name */
export function parseDnsName(entry: string): DnsName | undefined {
  if (!DNS_PREFIX.test(entry)) return undefined;
  const parsed = parseMachineUrl(entry.replace(DNS_PREFIX, ''), false);
  if (!parsed) return undefined;
  const { protocol, hostname, pathname } = new URL(parsed.baseUrl);
  const port = parsed.host.slice(hostname.length).replace(/\/.*$/, '');
  const path = pathname.replace(/\/+$/, '');
  const { headers } = parsed;
  // The certificate is for the name, not for the address.
  const tls = protocol === 'https:' ? { tls: { servername: hostname } } : {};
  return {
    text: `dns+${parsed.baseUrl}`,
    hostname,
    at: (address) => {
      const host = `${address.includes(':') ? `[${address}]` : address}${port}${path}`;
      return { host, baseUrl: `${protocol}//${host}`, ...(headers ? { headers } : {}), ...tls };
    },
  };
}

/** @returns undefined if the entry is neither a host nor an http(s) URL */
export function parseMachineUrl(entry: string, useSsl: boolean): MachineUrl | undefined {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(entry);
  const url = tryUrl(hasScheme ? entry : `${useSsl ? 'https' : 'http'}://${entry}`);
  if (!url || !['http:', 'https:'].includes(url.protocol) || !url.hostname) return undefined;
  const headers = basicAuthorization(url);
  // An "@" in the path is most likely the end of a password that contains a slash, which would be shown as the host.
  if (!headers || url.search || url.hash || url.pathname.includes('@')) return undefined;
  if (!hasScheme && (url.pathname !== '/' || /[/?#@]/.test(entry))) return undefined;
  // `URL` drops the default port of a scheme, so only the text shows the difference between `host:80` and `host`.
  const bareWithoutPort = !hasScheme && !/:\d+$/.test(entry.replace(/^\[[^\]]*\]/, ''));
  const schemePort = url.protocol === 'https:' ? 443 : 80;
  const port = url.port ? Number(url.port) : bareWithoutPort ? DEFAULT_PORT : schemePort;
  const host = `${url.hostname}:${port}`;
  const path = url.pathname.replace(/\/+$/, '');
  return { host: `${host}${path}`, baseUrl: `${url.protocol}//${host}${path}`, ...headers };
}

/** The header for a URL's credentials (RFC 7617); empty if there are none, undefined if they are invalid. */
function basicAuthorization({ username, password }: URL): Pick<MachineUrl, 'headers'> | undefined {
  if (!username && !password) return {};
  const user = decode(username);
  const secret = decode(password);
  // A colon would end the name.
  if (user === undefined || secret === undefined || user.includes(':')) return undefined;
  return { headers: { Authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` } };
}

/** Decodes percent encoding; undefined if it is invalid. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function tryUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
