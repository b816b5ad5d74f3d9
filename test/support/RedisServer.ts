import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './freePort.js';

const PROGRAM = process.env['REDIS_SERVER'] ?? 'redis-server';

/** @throws Error if Redis is required but not installed */
export function requireRedis(): boolean {
  if (spawnSync(PROGRAM, ['--version']).status === 0) return true;
  if (process.env['CI'])
    throw new Error('No redis-server: install it (apt-get install redis-server) or set REDIS_SERVER.');
  process.stderr.write(
    '\nNOTICE: no redis-server here, the tests of QUEUE=redis do NOT run. Install redis-server or set REDIS_SERVER.\n\n',
  );
  return false;
}

/** A redis-server for one test, on 127.0.0.1. It writes each change to its append-only file before it responds. */
export class RedisServer {
  readonly port: number;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'redis-'));
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.#settings = settings;
  }

  /** @param settings arguments of redis-server, such as `--maxmemory-policy noeviction` */
  static async start(...settings: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), settings);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again with its data, after `kill`. */
  async restart(): Promise<void> {
    const settings = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    const persistence = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
    this.#process = spawn(PROGRAM, [...settings, ...persistence, ...this.#settings], { stdio: 'ignore' });
    const client = new Redis(this.port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    try {
      // It responds LOADING until it has loaded its file.
      while ((await client.ping().catch(() => undefined)) !== 'PONG') {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      client.disconnect();
    }
  }

  /** Loses all data, and stays up. */
  async empty(): Promise<void> {
    const client = new Redis(this.port, '127.0.0.1');
    await client.flushall();
    client.disconnect();
  }

  /** Sends SIGKILL. The data on the disk stays. */
  async kill(): Promise<void> {
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** Stops the process (SIGSTOP) until `resume`; connections stay open. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
