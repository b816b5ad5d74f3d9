import type { Server } from 'node:http';
import express, { type Express } from 'express';
import { doors, trustProxies } from './app.js';
import type { Config } from './config/index.js';
import { createHttpServer } from './httpServer.js';
import { allOf } from './middleware/checks.js';
import { errorHandler } from './middleware/errorHandler.js';
import { refuseForeignSockets } from './middleware/foreign.js';
import { canonicalUrl } from './routes/comfyui/canonicalUrl.js';
import { mountNative } from './routes/comfyui/mountNative.js';
import { nativeForm } from './routes/comfyui/nativeErrors.js';
import { Upgrades } from './routes/comfyui/Upgrades.js';
import { ResultSender } from './routes/sendResult.js';
import type { Services } from './services/index.js';
import { onWebSocket } from './utils/onWebSocket.js';

/** Time in which clients confirm that their WebSocket closes, ms. */
const GOODBYE_MS = 500;

/**
 * Creates the HTTP server of ComfyUI's own API, which behaves like a single ComfyUI. It does not listen yet.
 * @returns undefined if no port is set (`COMFYUI_API_PORT`)
 */
export function createNativeServer(services: Services, config: Config): Server | undefined {
  const { native } = services;
  if (!native) return undefined;
  const upgrades = new Upgrades();
  const sender = new ResultSender(config.jobs.maxResultBytes, services.turns);
  const app = newApp(services, config);
  mountNative(app, { native, services, config, upgrades, sender });
  app.use(errorHandler(services.logger, (_request, error) => nativeForm(error)));
  const server = createHttpServer(app, config);
  onWebSocket(server, (request, socket, head) => upgrades.handle(app, request, socket, head));
  // Node waits for upgraded WebSocket connections, but does not close them.
  const { close, closeAllConnections } = server;
  server.close = (onClosed) => {
    services.closing.abort();
    const cutOff = setTimeout(() => upgrades.closeAll(), GOODBYE_MS);
    server.once('close', () => clearTimeout(cutOff));
    return close.call(server, onClosed);
  };
  server.closeAllConnections = () => {
    upgrades.closeAll();
    closeAllConnections.call(server);
  };
  return server;
}

function newApp(services: Services, config: Config): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  trustProxies(app, config.server.trustProxy);
  app.use(canonicalUrl);
  app.use(keyFromQuery);
  app.use(...doors(services, config));
  const own = { allowedOrigins: config.access.origins, publicUrl: config.server.publicUrl };
  app.use(allOf([refuseForeignSockets(own)]));
  return app;
}

/** Clients that cannot set headers send their key as `?token=`. It is removed from the URL here. */
const keyFromQuery: express.RequestHandler = (request, _response, next) => {
  const start = request.url.indexOf('?');
  if (start < 0) return next();
  const parameters = new URLSearchParams(request.url.slice(start));
  const token = parameters.get('token');
  if (token === null) return next();
  parameters.delete('token');
  const { headers } = request;
  if (headers.authorization === undefined && headers['x-api-key'] === undefined) headers['x-api-key'] = token;
  const rest = parameters.size > 0 ? `?${parameters}` : '';
  request.url = request.url.slice(0, start) + rest;
  request.originalUrl = request.url;
  next();
};
