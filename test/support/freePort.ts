import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to `listen(0)` and to outgoing connections (from 32768 on Linux). */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

/**
 * A port of 127.0.0.1 that is free at this moment, chosen at random. No other test gets it by asking the system for
 * a free port, so a test may also use it as an address where nobody listens.
 */
export async function freePort(): Promise<number> {
  const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
  const server = createServer();
  const isFree = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '127.0.0.1');
  if (!(await isFree)) return freePort();
  server.close();
  await once(server, 'close');
  return port;
}
