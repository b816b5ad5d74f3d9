import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Headers that only belong to an upgrade. */
const UPGRADE_HEADERS = new Set(['upgrade', 'http2-settings']);

/**
 * Calls `handle` for each request for a WebSocket. Any other `Upgrade` is ignored, as RFC 9110 allows and ComfyUI does: Java's HTTP
 * client sends `Upgrade: h2c` with its first request. Node stops parsing a request with that header, whatever its value, so its body
 * would be lost: such a request is parsed again without it.
 */
export function onWebSocket(
  server: Server,
  handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.headers.upgrade?.trim().toLowerCase() === 'websocket') {
      handle(request, socket, head);
      return;
    }
    socket.unshift(Buffer.concat([Buffer.from(withoutUpgrade(request), 'latin1'), head]));
    server.emit('connection', socket);
  });
}

function withoutUpgrade({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const [name = '', value = ''] = rawHeaders.slice(n, n + 2);
    const kept = name.toLowerCase() === 'connection' ? otherOptions(value) : value;
    if (!UPGRADE_HEADERS.has(name.toLowerCase()) && kept !== '') lines.push(`${name}: ${kept}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The options of a `Connection` header that are not about the upgrade. */
function otherOptions(value: string): string {
  const options = value.split(',').map((option) => option.trim());
  return options.filter((option) => !UPGRADE_HEADERS.has(option.toLowerCase())).join(', ');
}
