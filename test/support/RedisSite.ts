import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { RedisServer } from './RedisServer.js';
import { Stack, type StackOptions } from './stack.js';

/** Servers in this process that share a Redis server and a simulated machine. */
export class RedisSite {
  readonly redis: RedisServer;
  readonly simulator: Simulator;
  readonly prefix = `test-${randomUUID()}`;
  readonly #assets: string;
  readonly #stacks: Stack[] = [];
  readonly #clients: Redis[] = [];

  private constructor(redis: RedisServer, simulator: Simulator, assets: string) {
    this.redis = redis;
    this.simulator = simulator;
    this.#assets = assets;
  }

  static async open(): Promise<RedisSite> {
    const redis = await RedisServer.start();
    const assets = await mkdtemp(path.join(tmpdir(), 'assets-'));
    return new RedisSite(redis, await startSimulator(), assets);
  }

  /** The settings of its servers. */
  get env(): Record<string, string> {
    return {
      COMFYUI_HOST: this.simulator.host,
      QUEUE: 'redis',
      REDIS_URL: this.redis.url,
      REDIS_PREFIX: this.prefix,
      ASSET_STORE: 'disk',
      ASSET_DIR: this.#assets,
    };
  }

  /** Starts another server. */
  async start({ env, ...options }: StackOptions = {}): Promise<Stack> {
    const stack = await Stack.start({ simulators: [], env: { ...this.env, ...env }, ...options });
    this.#stacks.push(stack);
    return stack;
  }

  /** Connects to Redis past the servers, until the site is closed. */
  connect(): Redis {
    const client = new Redis(this.redis.port, '127.0.0.1');
    this.#clients.push(client);
    return client;
  }

  async stopServers(): Promise<void> {
    await Promise.all(this.#stacks.splice(0).map((stack) => stack.stop()));
  }

  /** Stops the servers, the machine and Redis. Redis must be running. */
  async close(): Promise<void> {
    this.redis.resume();
    await this.stopServers();
    for (const client of this.#clients) client.disconnect();
    await this.simulator.stop();
    await this.redis.stop();
  }
}
