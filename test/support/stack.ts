import { mkdtemp } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApp } from '../../src/app.js';
import { type Config, loadConfig } from '../../src/config/index.js';
import { createHttpServer } from '../../src/httpServer.js';
import { createNativeServer } from '../../src/nativeServer.js';
import { createServices, type Services } from '../../src/services/index.js';
import { MemoryBlobStore } from '../../src/services/jobs/BlobStore.js';
import type { ServiceOverrides } from '../../src/services/ServiceOverrides.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.js';
import { type Logger, silentLogger } from '../../src/utils/logger.js';
import { Client } from './client.js';

export interface StackOptions {
  /** One simulator per entry; by default one simulator with default options. */
  readonly simulators?: readonly SimulatorOptions[];
  readonly env?: Readonly<Record<string, string>>;
  readonly overrides?: ServiceOverrides;
  readonly logger?: Logger;
  /** By default a free port. */
  readonly port?: number;
}

/** Timeouts in proportion to simulated work of a few milliseconds. */
const QUICK: ServiceOverrides = {
  follow: { quietPollMs: 150, lostPollMs: 40, queueCheckMs: 200, historyRetryMs: 5, historyPatienceMs: 1000 },
  health: { recheckMs: 40, severalMachinesMs: 1000 },
  connections: { reconnectBaseMs: 40, reconnectMaxMs: 400 },
};

/** Simulators and the server in this process, connected by real sockets. */
export class Stack {
  readonly simulators: readonly Simulator[];
  readonly services: Services;
  readonly config: Config;
  readonly blobs: MemoryBlobStore;
  readonly client: Client;
  readonly server: Server;
  /** The server of ComfyUI's own API, if the environment sets a port for it. */
  readonly nativeServer: Server | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(
    parts: Pick<Stack, 'simulators' | 'services' | 'config' | 'blobs' | 'server' | 'nativeServer'>,
  ) {
    this.simulators = parts.simulators;
    this.services = parts.services;
    this.config = parts.config;
    this.blobs = parts.blobs;
    this.server = parts.server;
    this.nativeServer = parts.nativeServer;
    this.client = new Client(`http://127.0.0.1:${(parts.server.address() as AddressInfo).port}`);
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const simulators = await Promise.all((options.simulators ?? [{}]).map((one) => startSimulator(one)));
    const config = loadConfig({
      COMFYUI_HOST: simulators.map(({ host }) => host).join(','),
      HEALTH_CHECK_INTERVAL: '500',
      HEALTH_CHECK_TIMEOUT: '1000',
      BREAKER_RESET_TIMEOUT: '200',
      BREAKER_MAX_RESET_TIMEOUT: '800',
      SHUTDOWN_TIMEOUT: '2000',
      METRICS_FILE_PATH: path.join(await mkdtemp(path.join(tmpdir(), 'metrics-')), 'metrics.json'),
      STATE_DIR: '',
      WORKFLOWS_DIR: '',
      ...options.env,
    });
    const blobs = new MemoryBlobStore();
    const services = createServices(config, options.logger ?? silentLogger, {
      ...(config.assets.store === 'memory' ? { blobStore: blobs } : {}),
      ...QUICK,
      ...options.overrides,
      follow: { ...QUICK.follow, ...options.overrides?.follow },
    });
    const server = createHttpServer(createApp(services, config), config);
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    const nativeServer = createNativeServer(services, config);
    await new Promise<void>((resolve) =>
      nativeServer ? nativeServer.listen(0, '127.0.0.1', resolve) : resolve(),
    );
    await services.start();
    return new Stack({ simulators, services, config, blobs, server, nativeServer });
  }

  /** `host:port` of ComfyUI's own API. */
  get nativeHost(): string {
    if (!this.nativeServer) throw new Error('there is no COMFYUI_API_PORT');
    return `127.0.0.1:${(this.nativeServer.address() as AddressInfo).port}`;
  }

  /** The n-th simulator. */
  simulator(index = 0): Simulator {
    const simulator = this.simulators[index];
    if (!simulator) throw new Error(`there is no simulator ${index}`);
    return simulator;
  }

  /** Stops everything; a second call does nothing. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await this.services.stop();
    this.server.closeAllConnections();
    this.nativeServer?.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await new Promise<void>((resolve) =>
      this.nativeServer ? this.nativeServer.close(() => resolve()) : resolve(),
    );
    await Promise.all(this.simulators.map((simulator) => simulator.stop()));
  }
}
