import { splitList } from './lists.js';

/** The address of a ComfyUI machine. */
export interface InstanceAddress {
  /** `instance-1`, `instance-2`, … in the order of `COMFYUI_HOST`. */
  readonly id: string;
  /** `host:port`, the name in responses and logs. */
  readonly host: string;
  /** `http://host:port`, without a trailing slash. */
  readonly baseUrl: string;
  /** The authorization header of the URL's credentials, for every request and handshake; never shown or logged. */
  readonly headers?: Readonly<Record<string, string>>;
}

const DEFAULT_PORT = 8188;

/**
 * Parses a comma-separated list of `host`, `host:port`, `[v6]:port` or `http(s)://…` entries. A URL may have a path
 * (ComfyUI behind a proxy) and credentials (`http://user:password@host`, for basic authentication). Without a port, a
 * URL uses the port of its scheme, and a bare host 8188.
 * @returns `problem` without any part of an entry if the list contains credentials
 */
export function parseInstances(
  list: string,
  useSsl: boolean,
): { addresses: InstanceAddress[] } | { problem: string } {
  const entries = splitList(list);
  // A comma in a password splits it into two entries, possibly without an "@".
  const areShown = !list.includes('@');
  const addresses: InstanceAddress[] = [];
  for (const [index, entry] of entries.entries()) {
    const address = parseEntry(entry, useSsl, `instance-${index + 1}`);
    if (!address) {
      const has = areShown ? JSON.stringify(entry) : `something else as entry ${index + 1}`;
      return {
        problem: `takes comma-separated host[:port] or http(s) URLs, IPv6 in brackets, but has ${has}`,
      };
    }
    if (addresses.some((other) => other.host === address.host)) {
      const has = areShown ? address.host : `the one of entry ${index + 1}`;
      return { problem: `takes every instance once, but has ${has} twice` };
    }
    addresses.push(address);
  }
  return addresses.length > 0 ? { addresses } : { problem: 'takes at least one host' };
}

function parseEntry(entry: string, useSsl: boolean, id: string): InstanceAddress | undefined {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(entry);
  const url = tryUrl(hasScheme ? entry : `${useSsl ? 'https' : 'http'}://${entry}`);
  if (!url || !['http:', 'https:'].includes(url.protocol) || !url.hostname) return undefined;
  const headers = basicAuthorization(url);
  // An "@" in the path is probably the end of a password with a slash, which would be shown as the host.
  if (!headers || url.search || url.hash || url.pathname.includes('@')) return undefined;
  if (!hasScheme && (url.pathname !== '/' || /[/?#@]/.test(entry))) return undefined;
  // `URL` drops the default port of the scheme, so only the text distinguishes `host:80` from `host`.
  const bareWithoutPort = !hasScheme && !/:\d+$/.test(entry.replace(/^\[[^\]]*\]/, ''));
  const schemePort = url.protocol === 'https:' ? 443 : 80;
  const port = url.port ? Number(url.port) : bareWithoutPort ? DEFAULT_PORT : schemePort;
  const host = `${url.hostname}:${port}`;
  const path = url.pathname.replace(/\/+$/, '');
  return { id, host: `${host}${path}`, baseUrl: `${url.protocol}//${host}${path}`, ...headers };
}

/** The header for a URL's credentials (RFC 7617), empty without any; undefined if they are invalid. */
function basicAuthorization({ username, password }: URL): Pick<InstanceAddress, 'headers'> | undefined {
  if (!username && !password) return {};
  const user = decode(username);
  const secret = decode(password);
  // A colon ends the name.
  if (user === undefined || secret === undefined || user.includes(':')) return undefined;
  return { headers: { Authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` } };
}

/** Percent-decoded text; undefined if the encoding is invalid. */
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
