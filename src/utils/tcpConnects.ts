import { connect } from 'node:net';
import { isShortage } from './shortage.js';

/**
 * Whether a TCP connection can be opened. The kernel accepts it even if the process is too busy to respond, so this
 * distinguishes a busy process from one that is gone. If this computer cannot open one, the process gets the benefit of the doubt.
 * @param timeoutMs for the handshake, ms
 */
export function tcpConnects(url: string, timeoutMs: number): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) || (protocol === 'https:' ? 443 : 80) });
    const end = (connects: boolean) => {
      socket.destroy();
      resolve(connects);
    };
    socket.setTimeout(timeoutMs, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', (error) => end(isShortage(error)));
  });
}
