// A reverse proxy to one machine (its `host:port` is the argument) that does nothing else: the yardstick for the port of ComfyUI's
// own API. Plain JavaScript, so that it starts like any server.
import { Agent, createServer } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';

const proxy = createProxyMiddleware({
  target: `http://${process.argv[2]}`,
  ws: true,
  agent: new Agent({ keepAlive: true }),
});
const app = express().disable('etag').use(proxy);
const server = createServer(app);
server.on('upgrade', proxy.upgrade);
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`proxy listens on 127.0.0.1:${server.address().port}\n`);
});
