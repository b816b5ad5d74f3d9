import { keepNewest } from '../../../utils/keepNewest.js';
import type { Logger } from '../../../utils/logger.js';
import type { RedisConnection } from './RedisConnection.js';
import { Subscription } from './Subscription.js';

/** A message from one server to the others. */
export interface EventMessage {
  readonly kind: string;
  /** Of the job. */
  readonly id: string;
  /** Any text of any length. */
  readonly content: string;
}

/** Messages that wait for Redis. The oldest are dropped first. */
const MAX_UNSENT = 10_000;
/** Delay before unsent messages are sent again, ms. */
const RESEND_MS = 1000;
/**
 * Delays after which late messages are repeated, ms: other servers may have taken longer to reconnect, and this
 * message may be the only sign of a job's end until its record is written, which is retried at least every 30 s.
 */
const REPEATS_MS = [5000, 35_000];
/** Messages that are remembered to detect duplicates. */
const MAX_HEARD = 20_000;

/**
 * Messages from each server to all others, over publish and subscribe. Unsent messages are sent later, in order, the
 * newest of each kind about a job; duplicates are dropped.
 */
export class EventChannel {
  readonly #connection: RedisConnection;
  readonly #name: string;
  readonly #server: string;
  readonly #logger: Logger;
  /** By kind and job, in order. */
  readonly #unsent = new Map<string, string>();
  /** Late messages until they are repeated, or something newer is sent. */
  readonly #late = new Map<string, string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Server and number of each message. */
  readonly #heard = new Map<string, true>();
  #subscription: Subscription | undefined;
  #number = 0;
  #isResending = false;
  #isStopped = false;

  /** @param server a name of this server that is unique for all time */
  constructor(connection: RedisConnection, name: string, server: string, logger: Logger) {
    this.#connection = connection;
    this.#name = name;
    this.#server = server;
    this.#logger = logger;
  }

  /**
   * Receives messages of other servers from now on.
   * @param onLost called when messages may have been lost, once others can be received again
   */
  async start(onMessage: (message: EventMessage) => void, onLost: () => void): Promise<void> {
    const listener = {
      onMessage: (_channel: string, text: string) => {
        const message = this.#read(text);
        if (message) onMessage(message);
      },
      onAgain: onLost,
    };
    const { subscriber } = this.#connection;
    this.#subscription = await Subscription.begin(subscriber, [this.#name], listener, this.#logger);
    this.#connection.onChange((isAvailable) => {
      if (isAvailable) this.#sendUnsent();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#subscription?.stop();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#unsent.clear();
  }

  /** Sends a message. Not awaited; never throws. */
  send({ kind, id, content }: EventMessage): void {
    if (this.#isStopped) return;
    this.#number += 1;
    const text = `${this.#server} ${this.#number} ${kind} ${id}\n${content}`;
    const name = `${kind} ${id}`;
    this.#late.delete(name);
    // Later messages must not overtake it.
    if (this.#unsent.size > 0) this.#keep(name, text);
    else this.#publish(name, text);
  }

  #publish(name: string, text: string): void {
    this.#connection.commands.publish(this.#name, text).catch(() => this.#keep(name, text));
  }

  #keep(name: string, text: string): void {
    if (this.#isStopped) return;
    keepNewest(this.#unsent, name, text, MAX_UNSENT);
    this.#resendLater();
  }

  #resendLater(): void {
    if (this.#isResending) return;
    this.#isResending = true;
    this.#after(RESEND_MS, () => {
      this.#isResending = false;
      if (this.#connection.isAvailable) this.#sendUnsent();
      else this.#resendLater();
    });
  }

  #sendUnsent(): void {
    const unsent = [...this.#unsent];
    if (unsent.length === 0) return;
    this.#unsent.clear();
    for (const [name, text] of unsent) {
      this.#late.set(name, text);
      this.#publish(name, text);
    }
    for (const ms of REPEATS_MS) this.#after(ms, () => this.#repeat(unsent, ms === REPEATS_MS.at(-1)));
  }

  #repeat(messages: ReadonlyArray<readonly [name: string, text: string]>, isLast: boolean): void {
    for (const [name, text] of messages) {
      if (this.#late.get(name) !== text) continue;
      if (isLast) this.#late.delete(name);
      this.#publish(name, text);
    }
  }

  #after(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }

  /** Returns `undefined` for a message of this server, a duplicate, or an invalid one. */
  #read(text: string): EventMessage | undefined {
    const end = text.indexOf('\n');
    const [server, number, kind, id, more] = text.slice(0, Math.max(end, 0)).split(' ');
    if (kind === undefined || id === undefined || more !== undefined) return undefined;
    const name = `${server} ${number}`;
    if (server === this.#server || this.#heard.has(name)) return undefined;
    keepNewest(this.#heard, name, true, MAX_HEARD);
    return { kind, id, content: text.slice(end + 1) };
  }
}
