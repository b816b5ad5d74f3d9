import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { AppError, messageOf } from '../../errors.js';
import { type Caller, requireKey } from '../../middleware/authentication.js';
import { cutOff, tooSlow } from '../../middleware/bodyErrors.js';
import { breakOff } from '../../middleware/breakOff.js';
import { continueUpload } from '../../middleware/expectContinue.js';
import { watchUpload } from '../../middleware/pace.js';
import { afterSmallBody } from '../../middleware/refusedBody.js';
import { whileAllowed } from '../../middleware/whileAllowed.js';
import type { Instance } from '../../services/instances/Instance.js';
import { uploadPace } from '../bodyLimits.js';
import { mayLeadTo } from './canonicalUrl.js';
import { forwardingRefusal, requireForwarding } from './forwarding.js';
import type { NativeContext } from './NativeEndpoint.js';
import { errorBody } from './nativeErrors.js';

/** Time without data after which a request to a machine is aborted, ms. */
const STALL_MS = 120_000;

/**
 * Headers for this server only, which are not sent to a machine. The origin was checked here; a machine compares it with its own
 * address, and would refuse each page of this server.
 */
const OWN_HEADERS = ['authorization', 'x-api-key', 'x-request-id', 'origin', 'sec-fetch-site'];

/** Headers about the connection to a machine, not about the response. */
const CONNECTION_HEADERS = ['connection', 'keep-alive'];

/**
 * Proxies requests that are not about prompts, including WebSockets, to the first healthy machine.
 * @param ownNames the first names of the paths that this server handles itself
 */
export function passThrough(context: NativeContext, ownNames: ReadonlySet<string>): RequestHandler[] {
  const { native, services, config, upgrades } = context;
  const log = services.logger.child({ component: 'native' });
  const machines = new WeakMap<IncomingMessage, Instance>();
  const onwards = new WeakMap<IncomingMessage, ClientRequest>();
  const pace = uploadPace(config);
  const prepare = (onward: ClientRequest, request: IncomingMessage, client: Response | Socket) => {
    // The client, or its key, may be gone since the proxy was called.
    if (client.destroyed) return void onward.destroy();
    onwards.set(request, onward);
    for (const name of OWN_HEADERS) onward.removeHeader(name);
    const machine = machines.get(request);
    const { header } = config.machines;
    const own = { ...(header && { [header.name]: header.value }), ...machine?.address.headers };
    for (const [name, value] of Object.entries(own)) onward.setHeader(name, value);
  };
  const proxy = createProxyMiddleware<Request, Response>({
    changeOrigin: true,
    proxyTimeout: STALL_MS,
    router: (request) => machines.get(request)?.address.baseUrl,
    on: {
      proxyReq: prepare,
      proxyReqWs: (onward, request, socket) => {
        prepare(onward, request, socket);
        // The proxy connects both sockets only when the machine accepts. Until then, nothing else ends the request.
        socket.once('close', () => onward.destroy());
      },
      proxyRes: (answer, _request, client) => {
        // For a client that reads "close", a response that breaks off would be complete.
        for (const name of CONNECTION_HEADERS) delete answer.headers[name];
        // The proxy does not notice a response that breaks off. The client would wait for the rest.
        answer.once('close', () => {
          if (!answer.complete) breakOff(client);
        });
      },
      error: (error, request, response) => {
        // The upload was too slow, and its client knows it.
        if ('headersSent' in response && response.writableEnded) return;
        log.debug('A request could not be passed on', {
          instance: machines.get(request)?.host,
          error: messageOf(error),
        });
        refuse(request, response);
      },
    },
  });
  /** Lets the client send its body, at the minimum speed of uploads. */
  const receive = (request: Request, response: Response, next: NextFunction) => {
    const stopWatching = watchUpload(request, pace, (why) => {
      next(cutOff(request, response, tooSlow(why)));
      onwards.get(request)?.destroy();
    });
    request.once('end', stopWatching);
    response.once('close', stopWatching);
    continueUpload(response);
    // The machine has nothing to add. The proxy would also send the headers before they are prepared.
    delete request.headers.expect;
  };
  return [
    requireKey,
    (request, _response, next) => {
      if (mayLeadTo(ownNames, request.originalUrl)) throw new AppError('NOT_FOUND', 'There is no such path.');
      next();
    },
    requireForwarding(context),
    (request, response, next) => {
      machines.set(request, native.fleet.first());
      request.url = request.originalUrl;
      const upgrade = upgrades.take(request, response);
      // Only an error makes the proxy close the machine's socket, too.
      const end = () =>
        upgrade ? upgrade.socket.destroy(new Error('The API key is no longer valid.')) : breakOff(response);
      // What a machine sends may have no end, such as a log.
      const isAllowed = (caller: Caller) => !forwardingRefusal(context, caller, request);
      whileAllowed(services.keys, response, isAllowed, end);
      if ((upgrade?.socket ?? response).destroyed) return;
      if (upgrade) return proxy.upgrade(request, upgrade.socket as Socket, upgrade.head);
      // The machine's pages declare themselves what they load.
      for (const name of ['Content-Security-Policy', 'Cross-Origin-Resource-Policy'])
        response.removeHeader(name);
      receive(request, response, next);
      return void proxy(request, response, next);
    },
  ];
}

function refuse(request: Request, response: Response | Socket): void {
  if (!('headersSent' in response)) {
    response.destroy();
    return;
  }
  if (response.headersSent) {
    breakOff(response);
    return;
  }
  afterSmallBody(request, response, () =>
    response.status(502).json(errorBody('machine_unreachable', 'The machine does not answer.')),
  );
}
