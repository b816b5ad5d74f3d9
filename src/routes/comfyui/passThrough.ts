import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { messageOf } from '../../errors.js';
import { requireKey } from '../../middleware/authentication.js';
import type { Instance } from '../../services/instances/Instance.js';
import type { NativeContext } from './NativeEndpoint.js';
import { errorBody } from './nativeErrors.js';

/** A machine that stands still for so long is given up, ms. */
const STALL_MS = 120_000;

/** What is for this server, and none of a machine's business. */
const OWN_HEADERS = ['authorization', 'x-api-key', 'x-request-id'];

/** Everything that is not about prompts goes to the first healthy machine as it came, WebSockets too. */
export function passThrough({ native, services, config, upgrades }: NativeContext): RequestHandler[] {
  const log = services.logger.child({ component: 'native' });
  const machines = new WeakMap<IncomingMessage, Instance>();
  const prepare = (onward: ClientRequest, request: IncomingMessage) => {
    for (const name of OWN_HEADERS) onward.removeHeader(name);
    const machine = machines.get(request);
    const { header } = config.machines;
    const own = { ...(header && { [header.name]: header.value }), ...machine?.address.headers };
    for (const [name, value] of Object.entries(own)) onward.setHeader(name, value);
  };
  const proxy = createProxyMiddleware<IncomingMessage, Response>({
    changeOrigin: true,
    proxyTimeout: STALL_MS,
    router: (request) => machines.get(request)?.address.baseUrl,
    on: {
      proxyReq: prepare,
      proxyReqWs: prepare,
      error: (error, request, response) => {
        log.debug('A request could not be passed on', {
          instance: machines.get(request)?.host,
          error: messageOf(error),
        });
        refuse(response);
      },
    },
  });
  return [
    requireKey,
    (request, response, next) => {
      machines.set(request, native.fleet.first());
      request.url = request.originalUrl;
      const upgrade = upgrades.take(request, response);
      if (upgrade) return proxy.upgrade(request, upgrade.socket as Socket, upgrade.head);
      // The machine's pages say themselves what they load.
      for (const name of ['Content-Security-Policy', 'Cross-Origin-Resource-Policy'])
        response.removeHeader(name);
      return void proxy(request, response, next);
    },
  ];
}

function refuse(response: Response | Socket): void {
  if (!('headersSent' in response) || response.headersSent) {
    response.destroy();
    return;
  }
  response.status(502).json(errorBody('machine_unreachable', 'The machine does not answer.'));
}
