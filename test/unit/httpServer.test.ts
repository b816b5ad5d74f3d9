import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { createHttpServer } from '../../src/httpServer.js';

it('makes requests and responses as Express wants them, so that none changes its prototype', async () => {
  const app = express();
  const server = createHttpServer(app, loadConfig({}));
  const seen: object[][] = [];
  const look = (...messages: object[]) => {
    seen.push(messages.map((message) => Object.getPrototypeOf(message)));
  };
  server.prependListener('request', look);
  app.get('/', (request, response) => {
    look(request, response);
    response.json({ accepts: request.accepts('json') });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect(await response.json()).toEqual({ accepts: 'json' });
    expect(seen).toHaveLength(2);
    const [before, within] = seen;
    expect(within?.map((prototype, n) => prototype === before?.[n])).toEqual([true, true]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
