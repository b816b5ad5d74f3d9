import express, { type Express, type Request, type RequestHandler } from 'express';
import type { Config } from './config/index.js';
import { identify, requireKey } from './middleware/authentication.js';
import { allOf } from './middleware/checks.js';
import { compressResponses } from './middleware/compressResponses.js';
import { errorHandler, notFound } from './middleware/errorHandler.js';
import { refuseForeignPages, requireHost, requireLocalHost } from './middleware/foreign.js';
import { OpenRequests } from './middleware/openRequests.js';
import { limitRate } from './middleware/rateLimit.js';
import { limitRefusedBody } from './middleware/refusedBody.js';
import { requestContext } from './middleware/requestContext.js';
import { crossOrigin, limitUrl, securityHeaders } from './middleware/security.js';
import { traceRequests } from './middleware/traceRequests.js';
import { currentOpenApi } from './routes/currentOpenApi.js';
import type { Endpoint, RouteContext } from './routes/Endpoint.js';
import { fixedEndpoints } from './routes/endpoints.js';
import { mount } from './routes/mount.js';
import { docsFiles } from './routes/rest/docsPage.js';
import { pageFiles } from './routes/rest/documents.js';
import { isForLoadBalancers } from './routes/rest/status.js';
import { ResultSender } from './routes/sendResult.js';
import { comfyErrorBody, comfyStatusOf, isComfyRequest } from './routes/v2/comfyErrors.js';
import { workflowHint, workflowRoutes } from './routes/workflowRoutes.js';
import type { Services } from './services/index.js';
import { withoutPort } from './utils/clientNetwork.js';
import { isLoopbackAddress } from './utils/hostNames.js';

/** Creates the Express app with its middleware and routers. Does no I/O, uses no globals and does not listen. */
export function createApp(services: Services, config: Config): Express {
  const app = express();
  app.disable('x-powered-by');
  // Results set their own ETag; hashing every status response would cost more than it saves.
  app.disable('etag');
  trustProxies(app, config.server.trustProxy);
  const { turns, workflows } = services;
  const isOffered = ({ form }: Endpoint) => form === undefined || config.api.hasComfyApi;
  const context: RouteContext = {
    services,
    config,
    sender: new ResultSender(config.jobs.maxResultBytes, turns),
    openApi: currentOpenApi(() => workflows.all()),
  };
  app.use(...doors(services, config));
  mount(app, fixedEndpoints.filter(isOffered), context);
  app.use(workflowRoutes(context));
  pageFiles(app);
  docsFiles(app);
  // Without a key, clients cannot find out which paths exist.
  app.use(requireKey, notFound(workflowHint(() => workflows.all())));
  app.use(
    errorHandler(services.logger, (request, error) =>
      isComfyRequest(request)
        ? { status: comfyStatusOf(error.code), body: comfyErrorBody(error) }
        : undefined,
    ),
  );
  return app;
}

/** Removes the port that some proxies add to a client's address: Express would not recognise such an address. */
export function trustProxies(app: Express, proxies: Config['server']['trustProxy']): void {
  app.set('trust proxy', proxies);
  const isTrusted: unknown = app.get('trust proxy fn');
  if (proxies === false || typeof isTrusted !== 'function') return;
  app.set('trust proxy', (address: string, hop: number) => isTrusted(withoutPort(address), hop) as boolean);
}

/** Installs the middleware that handles every request. */
export function doors(
  { logger, keys, prometheus, requestCounts, tracing }: Services,
  config: Config,
): RequestHandler[] {
  const { origins, requestsPerMinute: perMinute } = config.access;
  const trustsProxies = config.server.trustProxy !== false;
  const isOpenOnLoopback = keys.isEmpty && isLoopbackAddress(config.server.host);
  const allowedHosts = [
    ...config.access.allowedHosts,
    ...(config.server.publicUrl ? [new URL(config.server.publicUrl).host] : []),
  ];
  // Load balancers are not rate limited, however many clients share their address.
  const isFree = ({ path }: Request) => isForLoadBalancers(path);
  const openRequests = new OpenRequests(config.access.maxOpenRequests);
  return [
    allOf([
      requestContext(logger, {
        onClosed: (answered, response) => {
          prometheus.recordRequest(answered);
          openRequests.closed(response);
        },
        trustsProxies,
      }),
      securityHeaders(origins),
    ]),
    ...(tracing.isEnabled ? [traceRequests(tracing)] : []),
    compressResponses,
    ...(origins ? [crossOrigin(origins)] : []),
    allOf([
      limitUrl,
      limitRefusedBody,
      requireHost,
      ...(isOpenOnLoopback ? [requireLocalHost(allowedHosts)] : []),
      refuseForeignPages({ allowedOrigins: origins, publicUrl: config.server.publicUrl }),
      identify(keys, trustsProxies),
      (request, response) => {
        if (!isFree(request)) openRequests.limit(request, response);
      },
    ]),
    ...(perMinute > 0 ? [limitRate(perMinute, requestCounts, isFree)] : []),
  ];
}
