import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { AssetLibrary } from '../../src/services/assets/AssetLibrary.js';
import { DiskAssetStore } from '../../src/services/assets/DiskAssetStore.js';
import { RedisAssetHolders } from '../../src/services/assets/redis/RedisAssetHolders.js';
import { AssetBlobs } from '../../src/services/jobs/AssetBlobs.js';
import { systemClock } from '../../src/utils/clock.js';
import { RecordingLogger } from './RecordingLogger.js';
import { RedisServer } from './RedisServer.js';

const LIFETIME_MS = 3_600_000;
const CONNECTION = { maxRetriesPerRequest: 0, enableOfflineQueue: false, lazyConnect: true };

/** The asset parts of one server. */
export type AssetServer = Awaited<ReturnType<AssetSite['server']>>;

/** The asset parts of servers that share a folder and a Redis server. */
export class AssetSite {
  readonly redis: RedisServer;
  readonly folder: string;
  readonly #cleanUp: (() => Promise<unknown> | unknown)[] = [];
  #prefixes = 0;

  private constructor(redis: RedisServer, folder: string) {
    this.redis = redis;
    this.folder = folder;
  }

  static async open(): Promise<AssetSite> {
    return new AssetSite(await RedisServer.start(), await mkdtemp(path.join(tmpdir(), 'shared-assets-')));
  }

  newPrefix(): string {
    this.#prefixes += 1;
    return `{t${this.#prefixes}}`;
  }

  newFolder(): Promise<string> {
    return mkdtemp(path.join(this.folder, 'of-'));
  }

  async connect(): Promise<Redis> {
    const client = new Redis(this.redis.url, CONNECTION);
    client.on('error', () => undefined);
    await client.connect();
    this.#cleanUp.push(() => client.disconnect());
    return client;
  }

  /** Starts the asset parts of a server. */
  async server(prefix: string, inFolder = this.folder, markMs?: number) {
    const client = await this.connect();
    const holders = new RedisAssetHolders({ commands: client }, prefix, markMs);
    const logger = new RecordingLogger();
    const store = new DiskAssetStore(inFolder, logger);
    const library = new AssetLibrary(store, holders, LIFETIME_MS, systemClock, logger);
    const blobs = new AssetBlobs(library);
    await blobs.start();
    this.#cleanUp.push(() => blobs.stop());
    return { client, prefix, holders, library, blobs, store, logger };
  }

  async close(): Promise<void> {
    for (const step of this.#cleanUp.reverse()) await step();
    await this.redis.stop();
    await rm(this.folder, { recursive: true });
  }
}

/** Names of all files in a folder and its folders, without the id of a store that servers share. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'store-id').map(({ name }) => name);
}
