import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Between two looks at all connections, ms. */
const LOOK_MS = 5000;
/** What a client gets to take an answer, beside the time that its size allows, ms. */
const GRACE_MS = 30_000;

export interface ReaderLimits {
  /** Slower clients are cut off; 0 for no minimum. */
  readonly minBytesPerSecond: number;
  /** Bytes that wait for all clients together. */
  readonly maxWaitingBytes: number;
}

/** A connection on which something waits for its client. */
interface Waiting {
  /** Looks since it was first seen to wait. */
  looks: number;
  /** Bytes that the client had taken by then. */
  readonly taken: number;
}

/**
 * Cuts off clients that do not read their answers, whatever these are: an answer is kept in memory until it was taken.
 * From the first look that finds something waiting a client has 30 seconds, and the time that all since then takes at
 * the slowest pace that is allowed. If too much waits for all of them, those that have been at it longest go first.
 * Looking at all connections now and then costs requests nothing.
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
    // Looks are counted, and not the time: a machine that slept has not given its clients any.
    const allowedMs = GRACE_MS + (1000 * (socket.bytesWritten - since.taken)) / minBytesPerSecond;
    if (since.looks * LOOK_MS > allowedMs) socket.destroy();
  }
}
