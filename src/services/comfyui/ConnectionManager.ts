import { messageOf } from '../../errors.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Logger } from '../../utils/logger.js';
import { backoffWithJitter } from '../../utils/timers.js';
import { ComfySocket } from './ComfySocket.js';

export interface ConnectionOptions {
  readonly maxPerInstance: number;
  /** Sent with every handshake, such as an authorization; never logged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs: number;
  readonly heartbeatMs: number;
  /** First and longest wait before a lost connection is opened again. */
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  /** A socket that lived this long was a good one: the backoff starts anew. */
  readonly stableMs: number;
}

/** A socket that a prompt may use until it calls `release`. */
export interface ConnectionLease {
  readonly socket: ComfySocket;
  release(): void;
}

interface Pool {
  readonly address: InstanceAddress;
  readonly sockets: Set<ComfySocket>;
  failures: number;
  /** `performance.now()` before which nothing is opened. */
  notBefore: number;
  reconnect: NodeJS.Timeout | undefined;
}

export interface ConnectionStats {
  readonly total: number;
  readonly connected: number;
  readonly in_use: number;
}

/**
 * A small pool of WebSockets an instance. Sockets are shared: an idle one is preferred, another is opened while
 * there may be more, then the least used one carries one prompt more. A lost one is replaced after a backoff with
 * jitter, under a fresh id; in the meantime its prompts are followed by polling.
 */
export class ConnectionManager {
  readonly #pools = new Map<string, Pool>();
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  #stopped = false;

  constructor(options: ConnectionOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Lends a connection.
   * @returns undefined when there is none and none can be had at present: the prompt is then followed by polling
   */
  async acquire(address: InstanceAddress): Promise<ConnectionLease | undefined> {
    const pool = this.#poolOf(address);
    const idle = leastUsed(pool);
    if (idle && idle.leases === 0) return lease(idle);
    const opened = await this.#open(pool);
    const socket = opened ?? leastUsed(pool);
    return socket && lease(socket);
  }

  /** Opens a first connection ahead of the first job. Does nothing when there is one. */
  async warmUp(address: InstanceAddress): Promise<void> {
    const pool = this.#poolOf(address);
    if (pool.sockets.size === 0) await this.#open(pool);
  }

  /** Sockets by host: all, open, and lent. */
  stats(): Record<string, ConnectionStats> {
    return Object.fromEntries(
      [...this.#pools.values()].map(({ address, sockets }) => {
        const all = [...sockets];
        return [
          address.host,
          {
            total: all.length,
            connected: all.filter((socket) => socket.isOpen).length,
            in_use: all.filter((socket) => socket.leases > 0).length,
          },
        ];
      }),
    );
  }

  /** Closes every socket and forgets every pending reconnection. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const sockets = [...this.#pools.values()].flatMap((pool) => {
      clearTimeout(pool.reconnect);
      return [...pool.sockets];
    });
    for (const socket of sockets) socket.terminate();
    await Promise.all(sockets.map((socket) => socket.closed));
  }

  #poolOf(address: InstanceAddress): Pool {
    let pool = this.#pools.get(address.host);
    if (!pool) {
      pool = { address, sockets: new Set(), failures: 0, notBefore: 0, reconnect: undefined };
      this.#pools.set(address.host, pool);
    }
    return pool;
  }

  async #open(pool: Pool): Promise<ComfySocket | undefined> {
    const { maxPerInstance, headers, handshakeTimeoutMs, heartbeatMs, stableMs } = this.#options;
    if (this.#stopped || pool.sockets.size >= maxPerInstance || performance.now() < pool.notBefore) {
      return undefined;
    }
    const instance = pool.address.host;
    const socket = new ComfySocket({
      url: pool.address.baseUrl.replace(/^http/, 'ws'),
      headers: { ...headers, ...pool.address.headers },
      handshakeTimeoutMs,
      heartbeatMs,
      logger: this.#logger.child({ instance }),
    });
    pool.sockets.add(socket);
    const startedAt = performance.now();
    void socket.closed.then(() => {
      pool.sockets.delete(socket);
      if (performance.now() - startedAt >= stableMs) pool.failures = 0;
      this.#onLost(pool);
    });
    try {
      await socket.opened;
    } catch (error) {
      this.#logger.debug('ComfyUI connection could not be opened', { instance, error: messageOf(error) });
      return undefined;
    }
    this.#logger.debug('ComfyUI connection opened', { instance, connections: pool.sockets.size });
    return socket;
  }

  #onLost(pool: Pool): void {
    if (this.#stopped) return;
    const wait = backoffWithJitter(
      pool.failures,
      this.#options.reconnectBaseMs,
      this.#options.reconnectMaxMs,
    );
    pool.failures += 1;
    pool.notBefore = performance.now() + wait;
    this.#logger.info('ComfyUI connection lost', {
      instance: pool.address.host,
      reconnectInMs: Math.round(wait),
    });
    if (pool.sockets.size > 0) return;
    clearTimeout(pool.reconnect);
    pool.reconnect = setTimeout(() => void this.warmUp(pool.address), Math.ceil(wait));
  }
}

function leastUsed(pool: Pool): ComfySocket | undefined {
  let best: ComfySocket | undefined;
  for (const socket of pool.sockets) {
    if (socket.isOpen && (!best || socket.leases < best.leases)) best = socket;
  }
  return best;
}

function lease(socket: ComfySocket): ConnectionLease {
  socket.leases += 1;
  let released = false;
  return {
    socket,
    release: () => {
      if (!released) socket.leases -= 1;
      released = true;
    },
  };
}
