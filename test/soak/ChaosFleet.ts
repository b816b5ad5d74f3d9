import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sleep } from '../../src/utils/timers.js';
import { Client } from '../support/client.js';
import { SimulatorProcess } from '../support/fleet.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer } from '../support/RedisServer.js';

const ENV = {
  QUEUE: 'redis',
  ASSET_STORE: 'disk',
  HEALTH_CHECK_TIMEOUT: '2000',
  HEALTH_CHECK_INTERVAL: '1000',
  BREAKER_RESET_TIMEOUT: '500',
  BREAKER_MAX_RESET_TIMEOUT: '1000',
  MAX_CONCURRENT_JOBS: '12',
  MAX_JOBS_PER_INSTANCE: '4',
  JOB_CLEANUP_INTERVAL: '3600000',
};

/** One server, which is restarted in the same place after it was killed. */
class Servant {
  readonly client: Client;
  /** All processes of this server; the last one is running. */
  readonly starts: ServerProcess[];
  isUp = true;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(first: ServerProcess, env: Readonly<Record<string, string>>) {
    this.starts = [first];
    this.client = new Client(first.baseUrl);
    this.#env = { ...env, PORT: new URL(first.baseUrl).port };
  }

  static async start(env: Readonly<Record<string, string>>): Promise<Servant> {
    return new Servant(await ServerProcess.start(env), env);
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    this.isUp = false;
    await this.starts.at(-1)?.kill();
  }

  /** Restarts the server like a supervisor: repeatedly if it exits because Redis is unreachable. */
  async startAgain(): Promise<void> {
    while (!this.isUp) {
      const server = ServerProcess.spawn(this.#env);
      this.starts.push(server);
      while (!this.isUp && server.child.exitCode === null) {
        await sleep(50);
        this.isUp = server.lines().some(({ message }) => message === 'Instance');
      }
    }
  }
}

/** Servers that share a Redis and machines, each in a separate process. */
export class ChaosFleet {
  readonly redis: RedisServer;
  readonly machines: readonly SimulatorProcess[];
  readonly servers: readonly Servant[];
  /** Prefix of all Redis keys of the servers. */
  readonly prefix: string;
  readonly #folder: string;

  private constructor(
    parts: { redis: RedisServer; machines: readonly SimulatorProcess[]; servers: readonly Servant[] },
    prefix: string,
    folder: string,
  ) {
    this.redis = parts.redis;
    this.machines = parts.machines;
    this.servers = parts.servers;
    this.prefix = prefix;
    this.#folder = folder;
  }

  /** @param workMs time of each model node */
  static async start(count: { servers: number; machines: number }, workMs: number): Promise<ChaosFleet> {
    const folder = mkdtempSync(path.join(tmpdir(), 'chaos-'));
    const redis = await RedisServer.start();
    const machines = await Promise.all(
      Array.from({ length: count.machines }, () => SimulatorProcess.start(['--work', String(workMs)])),
    );
    const prefix = `chaos-${randomUUID()}`;
    const env = {
      ...ENV,
      COMFYUI_HOST: machines.map(({ host }) => host).join(','),
      REDIS_URL: redis.url,
      REDIS_PREFIX: prefix,
      ASSET_DIR: path.join(folder, 'assets'),
    };
    const servers = await Promise.all(
      Array.from({ length: count.servers }, (_, n) =>
        Servant.start({ ...env, STATE_DIR: path.join(folder, `state-${n}`) }),
      ),
    );
    return new ChaosFleet({ redis, machines, servers }, prefix, folder);
  }

  /** Log lines of all processes of all servers. */
  log(message: RegExp): Array<Record<string, unknown>> {
    const starts = this.servers.flatMap(({ starts }) => starts);
    return starts.flatMap((server) => server.lines().filter((line) => message.test(line.message)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
    await Promise.all(this.machines.map((machine) => machine.stop()));
    await this.redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
