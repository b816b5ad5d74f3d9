import { messageOf } from '../../../errors.js';
import type { Logger } from '../../../utils/logger.js';
import type { RedisConnection } from './RedisConnection.js';

/** What one server tells the others. */
export interface EventMessage {
  readonly kind: string;
  /** Of the job. */
  readonly id: string;
  /** May have any length and hold any text. */
  readonly content: string;
}

/** Messages that wait for Redis to be back. The oldest go first. */
const MAX_UNSENT = 10_000;
/** Before what could not be sent is sent again, ms. */
const RESEND_MS = 1000;
/** Servers whose last message is remembered. */
const MAX_SERVERS = 1000;

/**
 * Messages from each server to all others, over publish and subscribe. What could not be sent is sent later, in order, the newest
 * of each kind about a job; what comes twice is heard once.
 */
export class EventChannel {
  readonly #connection: RedisConnection;
  readonly #name: string;
  readonly #server: string;
  readonly #logger: Logger;
  /** By kind and job, in the order of their numbers. */
  readonly #unsent = new Map<string, string>();
  /** Number of the last message of each server. */
  readonly #heard = new Map<string, number>();
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** @param server a name of this server that no other has, or had */
  constructor(connection: RedisConnection, name: string, server: string, logger: Logger) {
    this.#connection = connection;
    this.#name = name;
    this.#server = server;
    this.#logger = logger;
  }

  /**
   * Hears what other servers tell from now on.
   * @param onLost called when messages may have been lost, once others are heard again
   */
  async start(onMessage: (message: EventMessage) => void, onLost: () => void): Promise<void> {
    const { subscriber } = this.#connection;
    subscriber.on('message', (channel: string, text: string) => {
      if (channel !== this.#name) return;
      const message = this.#read(text);
      if (message) onMessage(message);
    });
    await subscriber.subscribe(this.#name);
    this.#connection.onSubscriberReady(() => {
      // Where this fails, the connection is closed, or is found to be silent: then it is made anew.
      subscriber.subscribe(this.#name).then(onLost, (error: unknown) => {
        this.#logger.debug('Not subscribed', { error: messageOf(error) });
      });
    });
    this.#connection.onChange((isAvailable) => {
      if (isAvailable) this.#sendUnsent();
    });
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#unsent.clear();
  }

  /** Never throws, and nobody waits for it. */
  send({ kind, id, content }: EventMessage): void {
    this.#number += 1;
    const text = `${this.#server} ${this.#number} ${kind} ${id}\n${content}`;
    if (this.#isStopped) return;
    const name = `${kind} ${id}`;
    // What comes later must not overtake.
    if (this.#unsent.size > 0) this.#keep(name, text);
    else this.#publish(name, text);
  }

  #publish(name: string, text: string): void {
    this.#connection.commands.publish(this.#name, text).catch(() => this.#keep(name, text));
  }

  #keep(name: string, text: string): void {
    if (this.#isStopped) return;
    this.#unsent.delete(name);
    this.#unsent.set(name, text);
    if (this.#unsent.size > MAX_UNSENT) {
      const [oldest] = this.#unsent.keys();
      if (oldest !== undefined) this.#unsent.delete(oldest);
    }
    this.#resendLater();
  }

  #resendLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#connection.isAvailable) this.#sendUnsent();
      else this.#resendLater();
    }, RESEND_MS);
  }

  #sendUnsent(): void {
    const unsent = [...this.#unsent];
    this.#unsent.clear();
    for (const [name, text] of unsent) this.#publish(name, text);
  }

  /** undefined for a message of this server, one that was heard already, and what is none. */
  #read(text: string): EventMessage | undefined {
    const end = text.indexOf('\n');
    const [server, number, kind, id, more] = text.slice(0, Math.max(end, 0)).split(' ');
    if (server === undefined || kind === undefined || id === undefined || more !== undefined)
      return undefined;
    if (server === this.#server || Number(number) <= (this.#heard.get(server) ?? 0)) return undefined;
    this.#heard.delete(server);
    this.#heard.set(server, Number(number));
    if (this.#heard.size > MAX_SERVERS) {
      const [oldest] = this.#heard.keys();
      if (oldest !== undefined) this.#heard.delete(oldest);
    }
    return { kind, id, content: text.slice(end + 1) };
  }
}
