import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RedisServer } from './RedisServer.js';

const KINDS = ['memory', 'redis'] as const;
export type QueueKind = (typeof KINDS)[number];

/** @throws Error for an unknown kind */
export function queueKind(text: string): QueueKind {
  const kind = KINDS.find((one) => one === text);
  if (!kind) throw new Error(`There is no queue "${text}": ${KINDS.join(' or ')}.`);
  return kind;
}

/** What the servers of a test need for a queue outside of their memory. */
export class QueueBackend {
  readonly #redis: RedisServer | undefined;
  readonly #folder: string;

  private constructor(redis: RedisServer | undefined, folder: string) {
    this.#redis = redis;
    this.#folder = folder;
  }

  static async open(kind: QueueKind): Promise<QueueBackend> {
    const redis = kind === 'redis' ? await RedisServer.start() : undefined;
    return new QueueBackend(redis, await mkdtemp(path.join(tmpdir(), 'queue-')));
  }

  /** Settings for servers that share a queue; each call returns those of a new, separate queue. */
  env(): Record<string, string> {
    if (!this.#redis) return {};
    const name = randomUUID();
    return {
      QUEUE: 'redis',
      REDIS_URL: this.#redis.url,
      REDIS_PREFIX: name,
      ASSET_STORE: 'disk',
      ASSET_DIR: path.join(this.#folder, name),
    };
  }

  async close(): Promise<void> {
    await this.#redis?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
