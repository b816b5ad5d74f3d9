/**
 * The public API for other programs. Importing it starts nothing: `createServices` builds, `Services.start` starts,
 * and `Services.stop` stops. `examples/embed` shows how to use it.
 */
export { createApp } from './app.js';
export { type Config, ConfigError, loadConfig } from './config/index.js';
export { createHttpServer } from './httpServer.js';
export { createNativeServer } from './nativeServer.js';
export { configureImages } from './services/images/settings.js';
export { createServices, type Services } from './services/index.js';
export type { ServiceOverrides } from './services/ServiceOverrides.js';
export { createLogger, type Logger, type RootLogger, silentLogger } from './utils/logger.js';
export { graphOf } from './workflows/graph.js';
export { imageOf } from './workflows/graphs.js';
export { workflows } from './workflows/index.js';
export { defineWorkflow, IMAGE_FILE, type Workflow } from './workflows/types.js';
