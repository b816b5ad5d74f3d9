import type { Redis } from 'ioredis';
import type { Logger } from '../../../utils/logger.js';
import { refusedKeys } from './refusedKeys.js';

/** How many kinds of refusals are remembered, and logged. More would fill the log. */
const MAX_KINDS = 100;

/** States of Redis itself, which end, and which the connection notices. Before version 7, errors of scripts have them inside. */
const STATE =
  /\b(NOSCRIPT|OOM|READONLY|MISCONF|NOREPLICAS|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|ASK|NOAUTH)\b/;

/**
 * Commands that Redis refused although it is available: something else is stored in the place of a value, or the user lacks a
 * permission. Without this nobody would learn why requests fail: the errors for clients only say that the queue is unavailable,
 * and the background work repeats what fails.
 */
export class RefusedCommands {
  readonly #rememberedMs: number;
  readonly #logger: Logger;
  /** The last refusal of each kind, by `performance.now()`. */
  readonly #last = new Map<string, number>();

  /** @param rememberedMs how long a refusal counts as recent, ms; one of the same kind in this time is not logged again */
  constructor(rememberedMs: number, logger: Logger) {
    this.#rememberedMs = rememberedMs;
    this.#logger = logger;
  }

  /** Whether a command was refused recently. */
  get areRecent(): boolean {
    this.#forgetOld();
    return this.#last.size > 0;
  }

  /** Records what Redis refuses to this client, whoever uses it. */
  watch(client: Redis): void {
    const send = client.sendCommand.bind(client);
    client.sendCommand = (command, stream) => {
      const { reject } = command;
      command.reject = (error) => {
        this.#add(error);
        reject(error);
      };
      return send(command, stream);
    };
  }

  #add(error: Error): void {
    const { name, message } = error;
    if (name !== 'ReplyError' || STATE.test(message)) return;
    // Commands without keys of ours, such as those of the client itself, are not needed.
    const keys = refusedKeys(error);
    if (keys.length === 0) return;
    this.#forgetOld();
    // The error of a script names the script and the line. Its keys may be those of a job, and there are many jobs.
    const kind = message.includes('user_script') ? message : [message, ...keys].join(' ');
    const isNew = !this.#last.has(kind);
    if (isNew && this.#last.size >= MAX_KINDS) return;
    this.#last.set(kind, performance.now());
    if (isNew) this.#logger.error('Redis refused a command', { error: message, keys });
  }

  #forgetOld(): void {
    const since = performance.now() - this.#rememberedMs;
    for (const [kind, at] of this.#last) if (at <= since) this.#last.delete(kind);
  }
}
