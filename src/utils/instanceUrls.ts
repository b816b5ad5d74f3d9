import { splitList } from './lists.js';

/** Where one ComfyUI machine is reached. */
export interface InstanceAddress {
  /** `instance-1`, `instance-2`, … in the order of `COMFYUI_HOST`. */
  readonly id: string;
  /** `host:port`, the name that answers and logs use. */
  readonly host: string;
  /** `http://host:port`, with no slash at its end. */
  readonly baseUrl: string;
  /** What its URL's credentials ask to send with every request and handshake; never shown or logged. */
  readonly headers?: Readonly<Record<string, string>>;
}

const DEFAULT_PORT = 8188;

/**
 * Reads a comma-separated list of `host`, `host:port`, `[v6]:port` or `http(s)://…` entries.
 * A URL may carry a path (ComfyUI behind a proxy) and credentials (`http://user:password@host`, for Basic
 * authentication); a port that a URL leaves out is its scheme's own, one that a bare host leaves out is 8188.
 * @returns no part of an entry in `problem` when there are credentials anywhere in the list
 */
export function parseInstances(
  list: string,
  useSsl: boolean,
): { addresses: InstanceAddress[] } | { problem: string } {
  const entries = splitList(list);
  // A comma in a password makes two entries of it, neither of which need have an "@".
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
  // An "@" in the path is most likely the end of a password with a slash in it, which would be shown as the host.
  if (!headers || url.search || url.hash || url.pathname.includes('@')) return undefined;
  if (!hasScheme && (url.pathname !== '/' || /[/?#@]/.test(entry))) return undefined;
  // `URL` drops a port that is the scheme's default, so `host:80` and `host` can only be told apart in the text.
  const bareWithoutPort = !hasScheme && !/:\d+$/.test(entry.replace(/^\[[^\]]*\]/, ''));
  const schemePort = url.protocol === 'https:' ? 443 : 80;
  const port = url.port ? Number(url.port) : bareWithoutPort ? DEFAULT_PORT : schemePort;
  const host = `${url.hostname}:${port}`;
  const path = url.pathname.replace(/\/+$/, '');
  return { id, host: `${host}${path}`, baseUrl: `${url.protocol}//${host}${path}`, ...headers };
}

/** The header for a URL's credentials (RFC 7617), nothing where there are none; undefined when they are not valid. */
function basicAuthorization({ username, password }: URL): Pick<InstanceAddress, 'headers'> | undefined {
  if (!username && !password) return {};
  const user = decode(username);
  const secret = decode(password);
  // A colon ends the name.
  if (user === undefined || secret === undefined || user.includes(':')) return undefined;
  return { headers: { Authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` } };
}

/** Text without its percent encoding; undefined when that is broken. */
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
