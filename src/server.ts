import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import dotenv from 'dotenv';
import { createApp } from './app.js';
import { type Config, ConfigError, loadConfig } from './config/index.js';
import { messageOf } from './errors.js';
import { createHttpServer } from './httpServer.js';
import { Stopper } from './Stopper.js';
import { configureImages } from './services/images/settings.js';
import { createServices } from './services/index.js';
import { isLoopbackAddress } from './utils/hostNames.js';
import { createLogger } from './utils/logger.js';

/** Reads the configuration, or exits with one message. */
function readConfig(): Config {
  dotenv.config({ quiet: true });
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

async function listen(server: Server, config: Config): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.server.port, config.server.host, resolve);
  });
}

async function main(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({
    ...config.log,
    pretty: process.stdout.isTTY === true,
  });
  const log = logger.child({ component: 'server' });
  configureImages();
  const services = createServices(config, logger);
  const server = createHttpServer(createApp(services, config), config);
  try {
    await listen(server, config);
  } catch (error) {
    log.error('The server cannot listen', {
      host: config.server.host,
      port: config.server.port,
      error: messageOf(error),
    });
    await logger.close();
    process.exit(1);
  }
  const stopper = new Stopper({ server, services, logger }, config.server.shutdownTimeoutMs, log);
  stopper.listen();
  const { port } = server.address() as AddressInfo;
  log.info('Listening', { host: config.server.host, port });
  if (config.access.keys.length === 0 && !isLoopbackAddress(config.server.host)) {
    log.warn('No API keys are configured: anyone who can reach this address can use the server', {
      host: config.server.host,
    });
  }
  try {
    await services.start();
  } catch (error) {
    log.error('The server cannot start', { error: messageOf(error) });
    await logger.close();
    process.exit(1);
  }
  for (const { host, isHealthy, health, missingNodes } of services.instances) {
    const state = isHealthy ? 'healthy' : 'unhealthy';
    log.info('Instance', { instance: host, state, version: health.version, missing: missingNodes });
  }
}

await main();
