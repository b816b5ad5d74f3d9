import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import dotenv from 'dotenv';
import { createApp } from './app.js';
import { type Config, ConfigError } from './config/index.js';
import { messageOf, reasonOf } from './errors.js';
import { createHttpServer } from './httpServer.js';
import { createNativeServer } from './nativeServer.js';
import { SettingsFile } from './SettingsFile.js';
import { Stopper } from './Stopper.js';
import { configureImages } from './services/images/settings.js';
import { createServices } from './services/index.js';
import { refusedKeys } from './services/queue/redis/refusedKeys.js';
import { isLoopbackAddress } from './utils/hostNames.js';
import { createLogger } from './utils/logger.js';

/** Reads the configuration; exits with one message if it is invalid. */
function readConfig(settings: SettingsFile): Config {
  try {
    const config = settings.read();
    // OpenTelemetry's SDK reads some variables from the environment.
    dotenv.populate(process.env, settings.variables);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

async function listen(server: Server, port: number, { server: { host } }: Config): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

async function main(): Promise<void> {
  const settings = new SettingsFile({ ...process.env });
  const config = readConfig(settings);
  const logger = createLogger({
    ...config.log,
    pretty: process.stdout.isTTY === true,
  });
  const log = logger.child({ component: 'server' });
  configureImages();
  const services = createServices(config, logger);
  const server = createHttpServer(createApp(services, config), config);
  const native = createNativeServer(services, config);
  try {
    await listen(server, config.server.port, config);
    if (native) await listen(native, config.native.port ?? 0, config);
  } catch (error) {
    log.error('The server cannot listen', {
      host: config.server.host,
      port: config.server.port,
      error: messageOf(error),
    });
    await logger.close();
    process.exit(1);
  }
  const stopper = new Stopper(
    { servers: native ? [server, native] : [server], services, logger },
    config.server.shutdownTimeoutMs,
    log,
  );
  stopper.listen();
  settings.watch(({ access, log: { level } }) => {
    services.keys.replace(access.keys);
    logger.setLevel(level);
  }, log);
  const { port } = server.address() as AddressInfo;
  log.info('Listening', { host: config.server.host, port });
  if (native) {
    log.info("Listening for ComfyUI's own API", {
      host: config.server.host,
      port: (native.address() as AddressInfo).port,
    });
  }
  if (config.access.keys.length === 0 && !isLoopbackAddress(config.server.host)) {
    log.warn('No API keys are configured: anyone who can reach this address can use the server', {
      host: config.server.host,
    });
  }
  try {
    await services.start();
  } catch (error) {
    const keys = refusedKeys(error);
    log.error('The server cannot start', { error: reasonOf(error), ...(keys.length > 0 ? { keys } : {}) });
    await logger.close();
    process.exit(1);
  }
  for (const { host, isHealthy, health, missingNodes } of services.instances) {
    const state = isHealthy ? 'healthy' : 'unhealthy';
    log.info('Instance', { instance: host, state, version: health.version, missing: missingNodes });
  }
}

await main();
