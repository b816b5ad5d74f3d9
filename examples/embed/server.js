// A site of its own, with the middleware in it: `node examples/embed/server.js` (after `npm run build`).
import {
  configureImages,
  createApp,
  createHttpServer,
  createLogger,
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
// Last: it answers whatever the site has no route for. Its links begin at the root, so it is not below a path.
site.use(createApp(services, config));

await services.start();
// Node's own server would do. This one also bounds headers, and cuts off clients that do not read their answers.
const server = createHttpServer(site, config);
server.listen(config.server.port, config.server.host, () => {
  logger.info('Listening', { port: server.address().port });
});

async function stop() {
  server.close();
  await services.stop();
  server.closeAllConnections();
  await logger.close();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
