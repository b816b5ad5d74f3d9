import { messageOf } from '../../errors.js';
import type { InstanceAddress } from '../../utils/instanceUrls.js';
import type { Logger } from '../../utils/logger.js';
import { backoffWithJitter } from '../../utils/timers.js';
import { ComfySocket } from './ComfySocket.js';

export interface ConnectionOptions {
  readonly maxPerInstance: number;
  /** Sent with every handshake, for example for authorization; never logged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs: number;
  readonly heartbeatMs: number;
  /** First and longest delay before a lost connection is opened again, ms. */
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  /** A socket that was open this long counts as good: the backoff is reset, ms. */
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
  /** `performance.now()` before which no connection is opened. */
  notBefore: number;
  reconnect: NodeJS.Timeout | undefined;
  /** The machine is no longer used. */
  isGone: boolean;
}

export interface ConnectionStats {
  readonly total: number;
  readonly connected: number;
  readonly in_use: number;
}

/**
 * Prompts that share a socket before another one is opened. A machine runs one prompt at a time, so a second socket is not faster;
 * but the machine sends each change of its queue to every socket.
 */
const PROMPTS_PER_SOCKET = 8;

/**
 * A small pool of WebSockets per instance. Prompts share a socket; another one is opened, up to the limit, when each carries
 * `PROMPTS_PER_SOCKET`, and beyond the limit the least used one carries more. A lost socket is replaced after a backoff with
 * jitter, with a new id; meanwhile its prompts are followed by polling.
 */
export class ConnectionManager {
  readonly #pools = new Map<string, Pool>();
  readonly #options: ConnectionOptions;
  readonly #logger: Logger;
  readonly #onQueue: Array<(host: string, remaining: number) => void> = [];
  readonly #onLoss: Array<(host: string) => void> = [];
  #stopped = false;

  constructor(options: ConnectionOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /**
   * Calls `listener` with the number of all prompts on a machine, including those of other clients, whenever the machine reports
   * it.
   */
  onQueue(listener: (host: string, remaining: number) => void): void {
    this.#onQueue.push(listener);
  }

  /** Calls `listener` when an open connection is lost. */
  onLoss(listener: (host: string) => void): void {
    this.#onLoss.push(listener);
  }

  /** Whether a connection to a host is open. */
  isConnected(host: string): boolean {
    return [...(this.#pools.get(host)?.sockets ?? [])].some(({ isOpen }) => isOpen);
  }

  /**
   * Lends a connection.
   * @returns undefined if there is none and none can be opened now: the prompt is then followed by polling
   */
  async acquire(address: InstanceAddress): Promise<ConnectionLease | undefined> {
    const pool = this.#poolOf(address);
    const shared = leastUsed(pool);
    if (shared && shared.leases < PROMPTS_PER_SOCKET) return lease(shared);
    const opened = await this.#open(pool);
    const socket = opened ?? leastUsed(pool);
    return socket && lease(socket);
  }

  /** Opens the first connection before the first job. Does nothing if one exists. */
  async warmUp(address: InstanceAddress): Promise<void> {
    const pool = this.#poolOf(address);
    if (pool.sockets.size === 0) await this.#open(pool);
  }

  /** Like `warmUp`, for a machine that responds again: earlier failures no longer matter. */
  async reopen(address: InstanceAddress): Promise<void> {
    const pool = this.#poolOf(address);
    pool.failures = 0;
    pool.notBefore = 0;
    await this.warmUp(address);
  }

  /** Number of sockets by host: all, open, and lent. */
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

  /** Closes the sockets to a removed machine. */
  forget(host: string): void {
    const pool = this.#pools.get(host);
    if (!pool) return;
    this.#pools.delete(host);
    pool.isGone = true;
    clearTimeout(pool.reconnect);
    for (const socket of pool.sockets) socket.terminate();
  }

  /** Closes every socket and cancels every pending reconnection. */
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
      pool = { address, sockets: new Set(), failures: 0, notBefore: 0, reconnect: undefined, isGone: false };
      this.#pools.set(address.host, pool);
    }
    return pool;
  }

  async #open(pool: Pool): Promise<ComfySocket | undefined> {
    const { maxPerInstance, headers, handshakeTimeoutMs, heartbeatMs, stableMs } = this.#options;
    if (
      this.#stopped ||
      pool.isGone ||
      pool.sockets.size >= maxPerInstance ||
      performance.now() < pool.notBefore
    ) {
      return undefined;
    }
    const instance = pool.address.host;
    const socket = new ComfySocket({
      url: pool.address.baseUrl.replace(/^http/, 'ws'),
      headers: { ...headers, ...pool.address.headers },
      tls: pool.address.tls,
      handshakeTimeoutMs,
      heartbeatMs,
      onQueue: (remaining) => {
        for (const listener of this.#onQueue) listener(instance, remaining);
      },
      logger: this.#logger.child({ instance }),
    });
    pool.sockets.add(socket);
    const startedAt = performance.now();
    let wasOpen = false;
    void socket.closed.then(() => {
      pool.sockets.delete(socket);
      if (performance.now() - startedAt >= stableMs) pool.failures = 0;
      this.#onLost(pool);
      if (wasOpen && !this.#stopped) for (const listener of this.#onLoss) listener(instance);
    });
    try {
      await socket.opened;
      wasOpen = true;
    } catch (error) {
      this.#logger.debug('ComfyUI connection could not be opened', { instance, error: messageOf(error) });
      return undefined;
    }
    this.#logger.debug('ComfyUI connection opened', { instance, connections: pool.sockets.size });
    return socket;
  }

  #onLost(pool: Pool): void {
    if (this.#stopped || pool.isGone) return;
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
