import { splitList } from './lists.js';
const DEFAULT_PORT = 8188;
/**
 * Reads a comma-separated list of `host`, `host:port`, `[v6]:port` or `http(s)://…` entries.
 * A URL may carry a path (ComfyUI behind a proxy); a port that a URL leaves out is its scheme's own, one that a
 * bare host leaves out is ComfyUI's 8188.
 */
export function parseInstances(list, useSsl) {
    const entries = splitList(list);
    const addresses = [];
    for (const [index, entry] of entries.entries()) {
        const address = parseEntry(entry, useSsl, `instance-${index + 1}`);
        if (!address) {
            return {
                problem: `takes comma-separated host[:port] or http(s) URLs, IPv6 in brackets, but has ${JSON.stringify(entry)}`,
            };
        }
        if (addresses.some((other) => other.host === address.host)) {
            return { problem: `takes every instance once, but has ${address.host} twice` };
        }
        addresses.push(address);
    }
    return addresses.length > 0 ? { addresses } : { problem: 'takes at least one host' };
}
function parseEntry(entry, useSsl, id) {
    const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(entry);
    const url = tryUrl(hasScheme ? entry : `${useSsl ? 'https' : 'http'}://${entry}`);
    if (!url || !['http:', 'https:'].includes(url.protocol) || !url.hostname)
        return undefined;
    if (url.username || url.password || url.search || url.hash)
        return undefined;
    if (!hasScheme && (url.pathname !== '/' || /[/?#@]/.test(entry)))
        return undefined;
    // `URL` drops a port that is the scheme's default, so `host:80` and `host` can only be told apart in the text.
    const bareWithoutPort = !hasScheme && !/:\d+$/.test(entry.replace(/^\[[^\]]*\]/, ''));
    const schemePort = url.protocol === 'https:' ? 443 : 80;
    const port = url.port ? Number(url.port) : bareWithoutPort ? DEFAULT_PORT : schemePort;
    const host = `${url.hostname}:${port}`;
    const path = url.pathname.replace(/\/+$/, '');
    return { id, host: `${host}${path}`, baseUrl: `${url.protocol}//${host}${path}` };
}
function tryUrl(text) {
    try {
        return new URL(text);
    }
    catch {
        return undefined;
    }
}
//# sourceMappingURL=instanceUrls.js.map