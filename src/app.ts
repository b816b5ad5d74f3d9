import express, { type Express, type RequestHandler } from 'express';
import type { Config } from './config.js';
import { identify, requireApiKey, requireKey } from './middleware/authentication.js';
import { errorHandler, notFound } from './middleware/errorHandler.js';
import { refuseForeignPages, requireHost, requireLocalHost } from './middleware/foreign.js';
import { inOrder } from './middleware/inOrder.js';
import { OpenRequests } from './middleware/openRequests.js';
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
import { isForLoadBalancers, statusRoutes } from './routes/status.js';
import { workflowRoutes } from './routes/workflows.js';
import type { Services } from './services/index.js';
import { withoutPort } from './utils/clientNetwork.js';
import { isLoopbackAddress } from './utils/hostNames.js';

/** Express with its middleware and routers: no I/O, no globals, no listening. */
export function createApp(services: Services, config: Config): Express {
  const app = express();
  app.disable('x-powered-by');
  // Results set their own entity tag; hashing every status answer would cost more than it saves.
  app.disable('etag');
  trustProxies(app, config.TRUST_PROXY);
  const views = new JobViews(services);
  services.webhooks?.describeBy((job) => views.status(job));
  const sender = new ResultSender(config.MAX_RESULT_MEMORY, services.turns);
  app.use(doors(services, config));
  // First what is asked most: each path that a request is not for costs it a little.
  jobRoutes(app, services, views, sender);
  processingRoutes(app, services, config, views, sender);
  statusRoutes(app, services);
  eventRoutes(app, services, views);
  workflowRoutes(app, services);
  dashboardRoutes(app);
  docsRoutes(app, services);
  app.use(requireKey);
  metricsRoutes(app, services);
  circuitBreakerRoutes(app, services);
  app.use(notFound);
  app.use(errorHandler(services.logger));
  return app;
}

/** Proxies may write an address together with a port, which Express would take for no address. */
function trustProxies(app: Express, proxies: Config['TRUST_PROXY']): void {
  app.set('trust proxy', proxies);
  const isTrusted: unknown = app.get('trust proxy fn');
  if (proxies === false || typeof isTrusted !== 'function') return;
  app.set('trust proxy', (address: string, hop: number) => isTrusted(withoutPort(address), hop) as boolean);
}

/** What every request goes through. */
function doors({ logger, prometheus, clock }: Services, config: Config): RequestHandler {
  const { API_KEYS: keys = [], CORS_ORIGINS: origins, RATE_LIMIT_PER_MINUTE: perMinute } = config;
  const isOpenOnLoopback = keys.length === 0 && isLoopbackAddress(config.HOST);
  const allowedHosts = [
    ...config.ALLOWED_HOSTS,
    ...(config.PUBLIC_URL ? [new URL(config.PUBLIC_URL).host] : []),
  ];
  const openRequests = new OpenRequests(config.MAX_OPEN_REQUESTS_PER_CLIENT);
  return inOrder([
    requestContext(logger, (answered, response) => {
      prometheus.recordRequest(answered);
      openRequests.closed(response);
    }),
    securityHeaders(origins),
    ...(origins ? [crossOrigin(origins)] : []),
    limitUrl,
    limitRefusedBody,
    requireHost,
    ...(isOpenOnLoopback ? [requireLocalHost(allowedHosts)] : []),
    refuseForeignPages({ allowedOrigins: origins, publicUrl: config.PUBLIC_URL }),
    identify(keys, config.TRUST_PROXY !== false),
    unlessForLoadBalancers(openRequests.limit),
    ...(perMinute > 0 ? [unlessForLoadBalancers(limitRate(perMinute, clock))] : []),
    ...(keys.length > 0 ? [requireApiKey] : []),
  ]);
}

/** A load balancer asks as often as it likes, however many others share its address. */
function unlessForLoadBalancers(limit: RequestHandler): RequestHandler {
  return (request, response, next) =>
    isForLoadBalancers(request.path) ? next() : limit(request, response, next);
}
