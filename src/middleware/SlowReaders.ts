import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Interval between checks of all connections, ms. */
const LOOK_MS = 5000;
/** Time that a client has to read a response, in addition to the time for its size, ms. */
const GRACE_MS = 30_000;

export interface ReaderLimits {
  /** Slower clients are disconnected; 0 for no minimum. */
  readonly minBytesPerSecond: number;
  /** Maximum of the bytes that wait for all clients together. */
  readonly maxWaitingBytes: number;
}

/** A connection with bytes that wait for its client. */
interface Waiting {
  /** Number of checks since it was first found waiting. */
  looks: number;
  /** Bytes that the client had read at that check. */
  readonly taken: number;
}

/**
 * Disconnects clients that do not read their responses, because a response stays in memory until it is read. From the
 * first check that finds bytes waiting, a client has 30 seconds, and the time for everything sent since then at the
 * minimum speed. If too many bytes wait for all clients together, those that have waited longest are disconnected
 * first. Checking all connections at an interval costs nothing per request.
 */
export class SlowReaders {
  readonly #limits: ReaderLimits;
  readonly #sockets = new Set<Socket>();
  /** In the order in which they began to wait. */
  readonly #waiting = new Map<Socket, Waiting>();

  private constructor(limits: ReaderLimits) {
    this.#limits = limits;
  }

  /** Watches all connections of a server while it listens. */
  static watch(server: Server, limits: ReaderLimits): void {
    const readers = new SlowReaders(limits);
    let timer: NodeJS.Timeout | undefined;
    server.on('connection', (socket) => readers.#add(socket));
    server.on('listening', () => {
      timer = setInterval(() => readers.#lookAtAll(), LOOK_MS);
    });
    server.on('close', () => clearInterval(timer));
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#waiting.delete(socket);
    });
  }

  #lookAtAll(): void {
    let bytes = 0;
    for (const socket of this.#sockets) {
      bytes += socket.writableLength;
      this.#look(socket);
    }
    for (const [socket, { looks }] of this.#waiting) {
      if (bytes <= this.#limits.maxWaitingBytes || looks === 0) return;
      bytes -= socket.writableLength;
      socket.destroy();
    }
  }

  #look(socket: Socket): void {
    if (socket.writableLength === 0) {
      this.#waiting.delete(socket);
      return;
    }
    const since = this.#waiting.get(socket);
    if (!since) {
      this.#waiting.set(socket, { looks: 0, taken: socket.bytesWritten - socket.writableLength });
      return;
    }
    since.looks += 1;
    const { minBytesPerSecond } = this.#limits;
    if (minBytesPerSecond === 0) return;
    // Checks are counted instead of time: while the computer sleeps, clients cannot read.
    const allowedMs = GRACE_MS + (1000 * (socket.bytesWritten - since.taken)) / minBytesPerSecond;
    if (since.looks * LOOK_MS > allowedMs) socket.destroy();
  }
}
