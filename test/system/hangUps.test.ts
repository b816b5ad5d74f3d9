import { getEventListeners, once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RedisSite } from '../support/RedisSite.js';
import { RawClient } from '../support/rawClient.js';
import { Stack } from '../support/stack.js';

const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const stop of stops.splice(0)) await stop();
});

/** Counts what open streams hold: intervals that start from now on, and listeners. */
function held({ services: { manager, closing } }: Stack): () => object {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  return () => ({
    timers: vi.getTimerCount(),
    jobs: manager.events.listeners,
    closing: getEventListeners(closing.signal, 'abort').length,
  });
}

it('an event stream whose client leaves before it opens leaves nothing behind', async () => {
  const site = await RedisSite.open();
  stops.push(() => site.close());
  site.simulator.faults.hang = true;
  const stack = await site.start();
  const id = await stack.client.submit('remove-background', await png());
  await stack.client.until(id, (status) => 'current_node' in status);
  const events = `/api/jobs/${id}/events`;
  const count = held(stack);
  const before = count();
  site.redis.pause();
  for (let n = 0; n < 10; n += 1) {
    const client = await RawClient.connect(stack.client.baseUrl);
    client.send('GET', events, {});
    const [, response] = (await once(stack.server, 'request')) as [IncomingMessage, ServerResponse];
    client.socket.resetAndDestroy();
    await once(response, 'close');
  }
  site.redis.resume();
  // Redis answers in order.
  await stack.client.request(events, { method: 'HEAD' });
  await delay(50);
  expect(count()).toEqual(before);
});

it('event streams of one connection leave nothing behind when it closes, also if only the first was sent', async () => {
  const stack = await Stack.start({ env: { MAX_OPEN_REQUESTS_PER_CLIENT: '4' } });
  stops.push(() => stack.stop());
  stack.simulator().faults.hang = true;
  const id = await stack.client.submit('remove-background', await png());
  await stack.client.until(id, (status) => 'current_node' in status);
  const count = held(stack);
  const before = count();
  for (let n = 0; n < 3; n += 1) {
    const client = await RawClient.connect(stack.client.baseUrl);
    client.send('GET', `/api/jobs/${id}/events`, {});
    client.send('GET', '/api/events', {});
    client.send('GET', `/api/jobs/${id}/events`, {});
    await eventually(() => {
      expect(client.received).toContain('event:status');
      expect(count()).toMatchObject({ closing: 3 });
    });
    client.socket.destroy();
    await eventually(() => expect(count()).toEqual(before));
  }
  // They do not count as open requests of the client any more.
  await stack.client.until(id, ({ status }) => status === 'processing');
});

it('requests with a body, or with an expectation, that wait behind another one are over when their connection closes', async () => {
  const stack = await Stack.start({ env: { MAX_OPEN_REQUESTS_PER_CLIENT: '4' } });
  stops.push(() => stack.stop());
  const responses: ServerResponse[] = [];
  for (const event of ['request', 'checkExpectation'])
    stack.server.on(event, (_: IncomingMessage, response: ServerResponse) => responses.push(response));
  for (let n = 1; n <= 4; n += 1) {
    const client = await RawClient.connect(stack.client.baseUrl);
    client.send('GET', '/api/events', {});
    client.post('/api/nothing', { 'Content-Length': 3 }, 'abc');
    client.send('GET', '/api/jobs/list', { Expect: 'a-miracle' });
    await eventually(() => expect(responses).toHaveLength(3 * n));
    await eventually(() => expect(client.received).toContain('text/event-stream'));
    await eventually(() => expect(responses.at(-2)?.headersSent).toBe(true));
    client.socket.destroy();
    await eventually(() => expect(responses.every(({ destroyed }) => destroyed)).toBe(true));
  }
  expect((await stack.client.request('/api/jobs/list')).status).toBe(200);
});
