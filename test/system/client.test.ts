import { afterEach, describe, expect, it } from 'vitest';
import { type JobStatus, MiddlewareClient, MiddlewareError } from '../../src/client/index.js';
import { inspectImage } from '../../src/services/images/inspect.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
const servers = new HttpServers();
afterEach(async () => {
  servers.close();
  await stack.stop();
});

const clientOf = (more: ConstructorParameters<typeof MiddlewareClient>[0] = {}) =>
  new MiddlewareClient({ baseUrl: stack.client.baseUrl, ...more });

/** A proxy that passes on all requests except those for which `meddle` returns a response. */
async function proxyThat(
  meddle: (url: string, asked: number) => number | 'hang up' | undefined,
): Promise<string> {
  const asked = new Map<string, number>();
  return servers.listen(async (request, response) => {
    const url = String(request.url);
    const count = (asked.get(url) ?? 0) + 1;
    asked.set(url, count);
    const own = meddle(url, count);
    if (own === 'hang up') {
      request.socket.destroy();
      return;
    }
    if (own !== undefined) {
      response.writeHead(own, { 'Content-Type': 'text/html' }).end('<h1>no</h1>');
      return;
    }
    const answer = await fetch(`${stack.client.baseUrl}${url}`);
    response.writeHead(answer.status, { 'Content-Type': 'application/json' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
}

async function refusal(work: Promise<unknown>): Promise<MiddlewareError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MiddlewareError);
  return error as MiddlewareError;
}

describe('the client', () => {
  it('submits, follows every step and fetches the result', async () => {
    stack = await Stack.start({ simulators: [{ workMs: { ImageUpscaleWithModel: 60 } }] });
    const client = clientOf();
    const image = await png();
    const { width } = (await inspectImage(image, { allowedTypes: ['image/png'], maxPixels: 1e9 })).image;
    const accepted = await client.submit('upscale-image', image, {
      parameters: { scale: 2 },
      format: 'WEBP',
      filename: 'a.png',
    });
    const seen: JobStatus[] = [];
    const ended = await client.wait(accepted.job_id, { onStatus: (status) => seen.push(status) });
    expect(ended.status).toBe('completed');
    expect(seen.at(-1)).toEqual(ended);
    expect(seen.length).toBeGreaterThan(2);
    const blob = await client.result(accepted.job_id);
    expect(blob.type).toBe('image/webp');
    const { image: result } = await inspectImage(Buffer.from(await blob.arrayBuffer()), {
      allowedTypes: ['image/webp'],
      maxPixels: 1e9,
    });
    expect(result.width).toBe(2 * width);
    expect((await client.workflows()).map(({ type }) => type)).toContain('upscale-image');
  });

  it('waits by polling where events do not get through', async () => {
    stack = await Stack.start({ simulators: [{ workMs: { InspyrenetRembg: 200 } }] });
    const { job_id } = await clientOf().submit('remove-background', await png());
    let streams = 0;
    const baseUrl = await proxyThat((url) => {
      if (!url.endsWith('/events')) return undefined;
      streams += 1;
      return 502;
    });
    const ended = await clientOf({ baseUrl }).wait(job_id, { pollMs: 10 });
    expect(ended.status).toBe('completed');
    // The client stops trying to open streams.
    expect(streams).toBe(2);
  });

  it('goes on when the server was out of reach, and gives up when that lasts', async () => {
    stack = await Stack.start();
    const { job_id } = await clientOf().submit('remove-background', await png());
    await stack.client.finished(job_id);
    const flaky = await proxyThat((url, asked) =>
      url.endsWith('/events') || asked < 4 ? 'hang up' : undefined,
    );
    const waited = await clientOf({ baseUrl: flaky }).wait(job_id, { pollMs: 5 });
    expect(waited.status).toBe('completed');
    const gone = await proxyThat(() => 'hang up');
    const lost = clientOf({ baseUrl: gone }).wait(job_id, { pollMs: 5, patienceMs: 50 });
    await expect(lost).rejects.toThrow(TypeError);
  });

  it("throws the server's errors with their code", async () => {
    stack = await Stack.start();
    const client = clientOf();
    const wrong = await refusal(client.submit('remove-background', Buffer.from('text')));
    expect(wrong).toMatchObject({ code: 'UNSUPPORTED_IMAGE_TYPE', status: 415 });
    expect(wrong.requestId).toBeDefined();
    const none = await refusal(client.wait('none'));
    expect(none).toMatchObject({ code: 'JOB_NOT_FOUND', status: 404 });
    stack.simulator().faults.hang = true;
    const { job_id } = await client.submit('remove-background', await png());
    expect(await refusal(client.result(job_id))).toMatchObject({ code: 'JOB_NOT_COMPLETED', jobId: job_id });
    stack.simulator().faults.hang = false;
    const proxied = clientOf({ baseUrl: await proxyThat(() => 503) });
    expect(await refusal(proxied.status('x'))).toMatchObject({ code: undefined, status: 503 });
  });

  it('cancels, and waits no longer than its signal allows', async () => {
    stack = await Stack.start();
    stack.simulator().faults.hang = true;
    const client = clientOf();
    const { job_id } = await client.submit('remove-background', await png(), { idempotencyKey: 'k' });
    expect((await client.submit('remove-background', await png(), { idempotencyKey: 'k' })).job_id).toBe(
      job_id,
    );
    const over = new AbortController();
    const waiting = client.wait(job_id, { signal: over.signal });
    const { events } = stack.services.manager;
    const before = events.listeners;
    await eventually(() => expect(events.listeners).toBe(before + 1));
    over.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await eventually(() => expect(events.listeners).toBe(before));
    const other = client.wait(job_id);
    await client.cancel(job_id);
    expect((await other).status).toBe('cancelled');
    expect(await refusal(client.cancel(job_id))).toMatchObject({ code: 'JOB_ALREADY_FINISHED' });
    stack.simulator().faults.hang = false;
  });

  it('hears of the whole system, with a key where there are keys', async () => {
    const apiKey = 'ops-key-0123456789ab';
    stack = await Stack.start({ env: { API_KEYS: `ops:admin:${apiKey}` } });
    expect(await refusal(clientOf().workflows())).toMatchObject({ code: 'UNAUTHORIZED' });
    const client = clientOf({ apiKey });
    const names: string[] = [];
    const submitted = client.submit('remove-background', await png({ colour: colourOf(3) }));
    for await (const { event, data } of client.events()) {
      names.push(event);
      if (event === 'job' && (data as JobStatus).status === 'completed') break;
    }
    expect(names.slice(0, 2)).toEqual(['instance', 'breaker']);
    expect((await client.status((await submitted).job_id)).status).toBe('completed');
  });
});
