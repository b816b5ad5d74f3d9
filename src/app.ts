import express, { type Express } from 'express';
import type { Config } from './config.js';
import { errorHandler, notFound } from './middleware/errorHandler.js';
import { requestContext } from './middleware/requestContext.js';
import { circuitBreakerRoutes } from './routes/circuitBreakers.js';
import { docsRoutes } from './routes/docs.js';
import { jobRoutes } from './routes/jobs.js';
import { JobViews } from './routes/jobViews.js';
import { metricsRoutes } from './routes/metrics.js';
import { processingRoutes } from './routes/processing.js';
import { statusRoutes } from './routes/status.js';
import type { Services } from './services/index.js';

/** Express with its middleware and routers: no I/O, no globals, no listening. */
export function createApp(services: Services, config: Config): Express {
  const app = express();
  app.disable('x-powered-by');
  // Results set their own entity tag; hashing every status answer would cost more than it saves.
  app.disable('etag');
  const views = new JobViews(services);
  app.use(requestContext(services.logger, (answered) => services.prometheus.recordRequest(answered)));
  app.use(statusRoutes(services));
  app.use(processingRoutes(services, config, views));
  app.use(jobRoutes(services, views));
  app.use(metricsRoutes(services));
  app.use(circuitBreakerRoutes(services));
  app.use(docsRoutes(services));
  app.use(notFound);
  app.use(errorHandler(services.logger));
  return app;
}
