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
});
