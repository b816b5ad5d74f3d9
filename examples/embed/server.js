// A separate site that includes the middleware: `node examples/embed/server.js` (after `npm run build`).
import {
  configureImages,
  createApp,
  createHttpServer,
  createLogger,
  createNativeServer,
  createServices,
  loadConfig,
} from 'comfyui-express-middleware';
import express from 'express';

const config = loadConfig(process.env);
const logger = createLogger({ ...config.log, pretty: process.stdout.isTTY === true });
configureImages();
const services = createServices(config, logger);

const site = express();
site.get('/about', (_request, response) => {
  response.type('text').send('A site with an API for images.\n');
});
// Last: it responds to all paths without a route of the site. But before body parsers such as express.json(), because it reads
// bodies itself: give a parser to the routes that need it, as in site.post('/order', express.json(), …). Its links start at the root, so it cannot be mounted below a path.
site.use(createApp(services, config));

await services.start();
// Node's own server would work. This one also limits headers, and disconnects clients that do not read their responses.
const server = createHttpServer(site, config);
server.listen(config.server.port, config.server.host, () => {
  logger.info('Listening', { port: server.address().port });
});

// ComfyUI's own API has a port of its own: COMFYUI_API_PORT. Without it, there is no server.
const native = createNativeServer(services, config);
native?.listen(config.native.port, config.server.host);

async function stop() {
  server.close();
  native?.close();
  await services.stop();
  server.closeAllConnections();
  native?.closeAllConnections();
  await logger.close();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
