import express, { type RequestHandler } from 'express';
import { afterEach, expect, it } from 'vitest';
import { createApp } from '../../src/app.js';
import { createHttpServer } from '../../src/httpServer.js';
import { fixedEndpoints } from '../../src/routes/endpoints.js';
import { submissionEndpoints } from '../../src/routes/rest/submissions.js';
import { workflows } from '../../src/workflows/index.js';
import { Client } from '../support/client.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
const closes: Array<() => void> = [];
afterEach(async () => {
  for (const close of closes.splice(0)) close();
  await stack.stop();
});

/** The app inside a site that reads bodies first. */
async function siteBehind(...parsers: RequestHandler[]): Promise<Client> {
  stack = await Stack.start();
  const site = express();
  site.use(...parsers, createApp(stack.services, stack.config));
  const server = createHttpServer(site, stack.config);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closes.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return new Client(`http://127.0.0.1:${address.port}`);
}

const withBody = [...fixedEndpoints, ...workflows.flatMap(submissionEndpoints)].filter(
  ({ request }) => request?.body,
);

it('says at once that somebody else has read the body, at every route that needs one', async () => {
  const client = await siteBehind(express.json(), express.urlencoded());
  expect(withBody.length).toBeGreaterThan(10);
  for (const body of ['{"a":1}', '{}']) {
    for (const { method, path } of withBody) {
      const response = await client.request(path.replace(/\{\w+\}/, 'one'), {
        method: method.toUpperCase(),
        headers: { 'Content-Type': 'application/json' },
        body,
        signal: AbortSignal.timeout(5000),
      });
      expect([path, response.status]).toEqual([path, 500]);
      expect(await response.text()).toContain('express.json()');
    }
  }
});

it('needs no body where the route takes none, and reads those that nobody has read', async () => {
  const client = await siteBehind(express.json());
  const cleanup = await client.request('/api/jobs/cleanup', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  expect(cleanup.status).toBe(200);
  expect((await client.process('remove-background', await png())).body.success).toBe(true);
});

it('also says so for forms and for a body without bytes', async () => {
  const client = await siteBehind(express.raw({ type: () => true }));
  expect((await client.post('/api/remove-background', await png())).status).toBe(500);
  const empty = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '' };
  const response = await client.request('/api/async/remove-background', {
    ...empty,
    signal: AbortSignal.timeout(5000),
  });
  expect(response.status).toBe(500);
});
