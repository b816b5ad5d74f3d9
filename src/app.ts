import express, { type Express, type Request, type RequestHandler } from 'express';
import type { Config } from './config.js';
import { identify, requireKey } from './middleware/authentication.js';
import { allOf } from './middleware/checks.js';
import { errorHandler, notFound } from './middleware/errorHandler.js';
import { refuseForeignPages, requireHost, requireLocalHost } from './middleware/foreign.js';
import { OpenRequests } from './middleware/openRequests.js';
import { limitRate } from './middleware/rateLimit.js';
import { limitRefusedBody } from './middleware/refusedBody.js';
import { requestContext } from './middleware/requestContext.js';
import { crossOrigin, limitUrl, securityHeaders } from './middleware/security.js';
import { UploadBudget } from './middleware/UploadBudget.js';
import { currentOpenApi } from './routes/currentOpenApi.js';
import type { RouteContext } from './routes/Endpoint.js';
import { fixedEndpoints } from './routes/endpoints.js';
import { mount } from './routes/mount.js';
import { pageFiles } from './routes/rest/documents.js';
import { isForLoadBalancers } from './routes/rest/status.js';
import { ResultSender } from './routes/sendResult.js';
import { workflowRoutes } from './routes/workflowRoutes.js';
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
  const { admission, turns, workflows } = services;
  const context: RouteContext = {
    services,
    config,
    uploads: new UploadBudget(config.MAX_UPLOAD_MEMORY, () => admission.retryAfterSeconds()),
    sender: new ResultSender(config.MAX_RESULT_MEMORY, turns),
    openApi: currentOpenApi(() => workflows),
  };
  app.use(...doors(services, config));
  mount(app, fixedEndpoints, context);
  app.use(workflowRoutes((type) => workflows.find((workflow) => workflow.type === type), context));
  pageFiles(app);
  // Strangers do not learn which paths there are.
  app.use(requireKey, notFound);
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
function doors({ logger, prometheus, clock }: Services, config: Config): RequestHandler[] {
  const { API_KEYS: keys = [], CORS_ORIGINS: origins, RATE_LIMIT_PER_MINUTE: perMinute } = config;
  const isOpenOnLoopback = keys.length === 0 && isLoopbackAddress(config.HOST);
  const allowedHosts = [
    ...config.ALLOWED_HOSTS,
    ...(config.PUBLIC_URL ? [new URL(config.PUBLIC_URL).host] : []),
  ];
  // A load balancer asks as often as it likes, however many others share its address.
  const isFree = ({ path }: Request) => isForLoadBalancers(path);
  const openRequests = new OpenRequests(config.MAX_OPEN_REQUESTS_PER_CLIENT);
  return [
    allOf([
      requestContext(logger, (answered, response) => {
        prometheus.recordRequest(answered);
        openRequests.closed(response);
      }),
      securityHeaders(origins),
    ]),
    ...(origins ? [crossOrigin(origins)] : []),
    allOf([
      limitUrl,
      limitRefusedBody,
      requireHost,
      ...(isOpenOnLoopback ? [requireLocalHost(allowedHosts)] : []),
      refuseForeignPages({ allowedOrigins: origins, publicUrl: config.PUBLIC_URL }),
      identify(keys, config.TRUST_PROXY !== false),
      (request, response) => {
        if (!isFree(request)) openRequests.limit(request, response);
      },
    ]),
    ...(perMinute > 0 ? [limitRate(perMinute, clock, isFree)] : []),
  ];
}
