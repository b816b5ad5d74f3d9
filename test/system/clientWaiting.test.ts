import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { type JobStatus, MiddlewareClient } from '../../src/client/index.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const stacks: Stack[] = [];
const servers = new HttpServers();
afterEach(async () => {
  servers.close();
  await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
});

async function start(): Promise<{ stack: Stack; client: MiddlewareClient }> {
  const stack = await Stack.start();
  stacks.push(stack);
  return { stack, client: new MiddlewareClient({ baseUrl: stack.client.baseUrl }) };
}

describe('a program that fails in `onStatus`', () => {
  it('gets its error at once, while the job continues and no stream stays open', async () => {
    const { stack, client } = await start();
    stack.simulator().faults.hang = true;
    let calls = 0;
    const onStatus = () => {
      calls += 1;
      throw new RangeError('fault of the program');
    };
    const { events } = stack.services.manager;
    const before = events.listeners;
    const running = client.run('remove-background', { imageFile: await png() }, { onStatus, pollMs: 5 });
    await expect(running).rejects.toThrow(RangeError);
    expect(calls).toBe(1);
    await eventually(() => expect(events.listeners).toBe(before));
    stack.simulator().faults.hang = false;
    const [job] = (await client.jobs()).jobs;
    expect((await client.wait(String(job?.id))).status).toBe('completed');
  });

  it('gets it for a polled status, too', async () => {
    const baseUrl = await servers.listen((request, response) => {
      if (String(request.url).endsWith('/events')) response.writeHead(502).end();
      else response.setHeader('Content-Type', 'application/json').end('{"status":"pending"}');
    });
    const seen: JobStatus[] = [];
    const onStatus = (status: JobStatus) => {
      seen.push(status);
      if (seen.length === 2) throw new RangeError('fault of the program');
    };
    const waiting = new MiddlewareClient({ baseUrl }).wait('x', { onStatus, pollMs: 5 });
    await expect(waiting).rejects.toThrow(RangeError);
    expect(seen).toHaveLength(2);
  });

  it('gets it from a promise, too, and is called again only when the promise is settled', async () => {
    const { client } = await start();
    let open = 0;
    const order: string[] = [];
    const onStatus = async ({ status }: JobStatus) => {
      open += 1;
      expect(open).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push(status);
      open -= 1;
      if (status === 'completed') throw new RangeError('fault of the program');
    };
    const running = client.run('remove-background', { imageFile: await png() }, { onStatus, pollMs: 5 });
    await expect(running).rejects.toThrow(RangeError);
    expect(order.at(-1)).toBe('completed');
  });
});

/** A proxy that calls `onSubmitted` between the server's response to a submission and its own. */
function proxy(target: string, onSubmitted: () => void): Promise<string> {
  return servers.listen(async (request, response) => {
    const method = String(request.method);
    const { 'content-type': type } = request.headers;
    const answer = await fetch(`${target}${request.url}`, {
      method,
      ...(method === 'POST' ? { body: new Uint8Array(await buffer(request)) } : {}),
      ...(type ? { headers: { 'Content-Type': type } } : {}),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.status === 202) {
      onSubmitted();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(body);
  });
}

describe('a run that is aborted during its submission', () => {
  it.each([
    ['cancels the job that the server has just created', {}, 'cancelled'],
    ['leaves it if others may have the same idempotency key', { idempotencyKey: 'k' }, 'completed'],
  ])('%s', async (_, options, end) => {
    const { stack, client } = await start();
    stack.simulator().faults.hang = true;
    const over = new AbortController();
    const baseUrl = await proxy(stack.client.baseUrl, () => over.abort(new Error('enough')));
    const inputs = { imageFile: await png() };
    const slow = new MiddlewareClient({ baseUrl });
    const running = slow.run('remove-background', inputs, { ...options, signal: over.signal });
    await expect(running).rejects.toThrow('enough');
    const [job] = (await client.jobs()).jobs;
    expect(job?.status === 'cancelled').toBe(end === 'cancelled');
    stack.simulator().faults.hang = false;
    expect((await client.wait(String(job?.id))).status).toBe(end);
  });

  it('ends soon if the server does not respond, and sends nothing if it was aborted before', async () => {
    const over = new AbortController();
    const urls: unknown[] = [];
    let isClosed = false;
    const baseUrl = await servers.listen((request, response) => {
      urls.push(request.url);
      response.on('close', () => {
        isClosed = true;
      });
      over.abort(new Error('enough'));
    });
    const client = new MiddlewareClient({ baseUrl });
    const run = () =>
      client.run('remove-background', { imageFile: new Blob(['a']) }, { signal: over.signal });
    await expect(run()).rejects.toThrow('enough');
    await eventually(() => expect(isClosed).toBe(true));
    await expect(run()).rejects.toThrow('enough');
    expect(urls).toEqual(['/api/async/remove-background']);
  });
});

describe('a client of a busy server', () => {
  it('waits for as long as `Retry-After` says, but not beyond its patience', async () => {
    const times: number[] = [];
    const baseUrl = await servers.listen((_request, response) => {
      times.push(Date.now());
      const isFirst = times.length === 1;
      response.writeHead(429, { 'Retry-After': isFirst ? '1' : '100000' }).end();
    });
    const waiting = new MiddlewareClient({ baseUrl }).wait('x', { pollMs: 5, patienceMs: 1500 });
    await expect(waiting).rejects.toMatchObject({ status: 429, retryAfterSeconds: 100_000 });
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(990);
    expect(times.length).toBeLessThan(6);
  });
});
