import type { Redis } from 'ioredis';

/**
 * Sends all commands of one turn of the event loop with one write to the socket: one write per command took a tenth of a
 * server's CPU time. The client's own option for this, `enableAutoPipelining`, cannot be used: under load it throws outside of
 * any promise, which ends the process (ioredis 6.0.0, "results[i] is not iterable").
 */
export function writeTogether(client: Redis): void {
  const send = client.sendCommand.bind(client);
  let isCorked = false;
  client.sendCommand = (command, stream) => {
    // There is none before the first connection.
    const socket = client.stream;
    if (socket && !isCorked) {
      isCorked = true;
      socket.cork();
      setImmediate(() => {
        isCorked = false;
        socket.uncork();
      });
    }
    return send(command, stream);
  };
}
