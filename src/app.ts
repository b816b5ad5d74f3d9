import express, { type Express, type RequestHandler } from 'express';
import type { Config } from './config.js';
import { identify, requireKey } from './middleware/authentication.js';
import { errorHandler, notFound } from './middleware/errorHandler.js';
import { limitOpenRequests } from './middleware/openRequests.js';
import { limitRate } from './middleware/rateLimit.js';
import { limitRefusedBody } from './middleware/refusedBody.js';
import { requestContext } from './middleware/requestContext.js';
import { crossOrigin, limitUrl, securityHeaders } from './middleware/security.js';
import { circuitBreakerRoutes } from './routes/circuitBreakers.js';
import { dashboardRoutes } from './routes/dashboard.js';
import { docsRoutes } from './routes/docs.js';
import { eventRoutes } from './routes/events.js';
import { jobRoutes } from './routes/jobs.js';
import { JobViews } from './routes/jobViews.js';
import { metricsRoutes } from './routes/metrics.js';
import { processingRoutes } from './routes/processing.js';
import { ResultSender } from './routes/sendResult.js';
import { statusRoutes } from './routes/status.js';
import { workflowRoutes } from './routes/workflows.js';
import type { Services } from './services/index.js';

/** Express with its middleware and routers: no I/O, no globals, no listening. */
export function createApp(services: Services, config: Config): Express {
  const app = express();
  app.disable('x-powered-by');
  // Results set their own entity tag; hashing every status answer would cost more than it saves.
  app.disable('etag');
  app.set('trust proxy', config.TRUST_PROXY);
  const views = new JobViews(services);
  services.webhooks?.describeBy((job) => views.status(job));
  const sender = new ResultSender({
    maxBytes: config.MAX_RESULT_MEMORY,
    minBytesPerSecond: config.MIN_TRANSFER_RATE,
  });
  app.use(requestContext(services.logger, (answered) => services.prometheus.recordRequest(answered)));
  app.use(doors(config));
  app.use(statusRoutes(services));
  app.use(limits(services, config));
  app.use('/api', requireKey);
  // First what is asked most: each router that a request is not for costs it a little.
  app.use(jobRoutes(services, config, views, sender));
  app.use(eventRoutes(services, views));
  app.use(workflowRoutes(services));
  app.use(dashboardRoutes());
  app.use(docsRoutes(services));
  app.use(requireKey);
  app.use(processingRoutes(services, config, views, sender));
  app.use(metricsRoutes(services));
  app.use(circuitBreakerRoutes(services));
  app.use(notFound);
  app.use(errorHandler(services.logger));
  return app;
}

/** What every request goes through. */
function doors(config: Config): RequestHandler[] {
  const { CORS_ORIGINS: origins } = config;
  return [
    securityHeaders(origins),
    ...(origins ? [crossOrigin(origins)] : []),
    limitUrl,
    limitRefusedBody,
    identify(config.API_KEYS ?? []),
  ];
}

/** What every request but a load balancer's goes through. */
function limits({ clock }: Services, config: Config): RequestHandler[] {
  return [
    limitOpenRequests(config.MAX_OPEN_REQUESTS_PER_CLIENT),
    ...(config.RATE_LIMIT_PER_MINUTE > 0 ? [limitRate(config.RATE_LIMIT_PER_MINUTE, clock)] : []),
  ];
}
