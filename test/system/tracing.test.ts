import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { HttpServers } from '../support/httpServers.js';
import { OtlpReceiver } from '../support/OtlpReceiver.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CLIENT_SPAN = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE}-${CLIENT_SPAN}-01`;

let servers: HttpServers;
let receiver: OtlpReceiver;
let stack: Stack | undefined;
/** Requests to any server in this process, as `METHOD /first part of the path` with `traceparent`. */
let requests: { readonly what: string; readonly traceparent: string | undefined }[];

const onRequest = (message: unknown) => {
  const request = (message as { request?: unknown }).request;
  if (!(request instanceof IncomingMessage)) return;
  const [, first = ''] = /^\/(\w+)/.exec(request.url ?? '') ?? [];
  const traceparent = request.headers['traceparent'];
  requests.push({
    what: `${request.method} /${first}`,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
  });
};

beforeEach(async () => {
  servers = new HttpServers();
  receiver = await OtlpReceiver.start(servers);
  requests = [];
  subscribe('http.server.request.start', onRequest);
});
afterEach(async () => {
  unsubscribe('http.server.request.start', onRequest);
  await stack?.stop();
  stack = undefined;
  servers.close();
});

async function start(options: StackOptions = {}): Promise<Stack> {
  stack = await Stack.start({
    ...options,
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      WEBHOOK_SECRET,
      WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
      ...options.env,
    },
  });
  return stack;
}

const traced = (one: Stack) => new Client(one.client.baseUrl, { traceparent: TRACEPARENT });
const traceOf = (traceparent: string | undefined) => traceparent?.split('-')[1];
const spanOf = (traceparent: string | undefined) => traceparent?.split('-')[2];

describe('a job', () => {
  it('is one trace, from the request through queue, machine, nodes and storage to the webhook', async () => {
    const logger = new RecordingLogger();
    const hook = await WebhookReceiver.start(servers);
    const running = await start({ simulators: [{ workMs: { InspyrenetRembg: 50 } }], logger });
    const client = traced(running);
    const id = await client.submit('remove-background', await png(), { webhook_url: hook.url });
    await client.finished(id);
    await eventually(() => expect(hook.messages).toHaveLength(1));
    await running.stop();

    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    const request = receiver.only('POST /api/async/remove-background');
    expect(request.parent).toBe(CLIENT_SPAN);
    expect(request.attributes).toMatchObject({ 'http.response.status_code': 202 });
    for (const name of ['job.create', 'job.wait', 'job.attempt', 'webhook']) {
      expect([name, receiver.only(name).parent]).toEqual([name, request.id]);
    }
    const attempt = receiver.only('job.attempt');
    expect(attempt.attributes).toMatchObject({
      'job.id': id,
      'job.type': 'remove-background',
      'job.attempt': 1,
      'comfyui.instance': running.simulator().host,
    });
    for (const name of ['job.inputs', 'comfyui.prompt', 'job.outputs', 'job.store']) {
      expect([name, receiver.only(name).parent]).toEqual([name, attempt.id]);
    }
    const prompt = receiver.only('comfyui.prompt');
    for (const name of ['POST /upload', 'POST /prompt', 'GET /view', 'node InspyrenetRembg']) {
      expect([name, receiver.only(name).parent]).toEqual([name, prompt.id]);
    }
    const node = receiver.only('node InspyrenetRembg');
    expect(node.attributes).toMatchObject({ 'comfyui.node.class': 'InspyrenetRembg' });
    expect(node.end - node.start).toBeGreaterThan(40);
    expect(receiver.spans.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('passes its trace on, to ComfyUI and to the receiver of its webhook', async () => {
    const hook = await WebhookReceiver.start(servers);
    const running = await start();
    const client = traced(running);
    const id = await client.submit('remove-background', await png(), { webhook_url: hook.url });
    await client.finished(id);
    await eventually(() => expect(hook.messages).toHaveLength(1));
    await running.stop();
    const names = { 'POST /upload': '', 'POST /prompt': '', 'GET /view': '', 'POST /hook': 'webhook' };
    for (const [what, name] of Object.entries(names)) {
      const [sent, ...more] = requests.filter((one) => one.what === what && one.traceparent);
      expect([what, more]).toEqual([what, []]);
      expect([what, traceOf(sent?.traceparent)]).toEqual([what, TRACE]);
      expect([what, spanOf(sent?.traceparent)]).toEqual([what, receiver.only(name || what).id]);
    }
    // Checks of the machine belong to no trace.
    const checks = requests.filter(({ what }) => what === 'GET /system_stats');
    expect(checks.length).toBeGreaterThan(0);
    expect(checks.filter(({ traceparent }) => traceparent !== undefined)).toEqual([]);
  });

  it('has its trace in the lines of the log', async () => {
    const logger = new RecordingLogger();
    const hook = await WebhookReceiver.start(servers);
    const running = await start({ logger });
    const client = traced(running);
    const id = await client.submit('remove-background', await png(), { webhook_url: hook.url });
    await client.finished(id);
    const traceIdOf = (message: string) =>
      logger.lines.find((line) => line.message === message && line.level === 'info')?.fields['traceId'];
    await eventually(() => {
      for (const message of ['Request', 'Job accepted', 'Job completed', 'Webhook delivered']) {
        expect([message, traceIdOf(message)]).toEqual([message, TRACE]);
      }
    });
  });

  it('shows each attempt, and why one failed', async () => {
    const running = await start();
    running.simulator().faults.respond = { path: /^\/prompt/, status: 500, times: 1 };
    await traced(running).process('remove-background', await png());
    await running.stop();
    const attempts = receiver.named('job.attempt');
    expect(attempts.map(({ attributes }) => attributes['job.attempt'])).toEqual([1, 2]);
    expect(attempts.map(({ error }) => error)).toEqual([expect.stringContaining('500'), undefined]);
    expect(receiver.named('job.wait')).toHaveLength(1);
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  });

  it.each([undefined, 'rubbish', `00-${'0'.repeat(32)}-${CLIENT_SPAN}-01`])(
    'is a trace of its own where the client names none that is valid (%s)',
    async (traceparent) => {
      const running = await start();
      const client = new Client(running.client.baseUrl, traceparent === undefined ? {} : { traceparent });
      await client.process('remove-background', await png());
      await client.process('upscale-image', await png());
      await running.stop();
      const roots = receiver.spans.filter(({ parent }) => parent === undefined);
      expect(roots.map(({ name }) => name)).toEqual([
        'POST /api/remove-background',
        'POST /api/upscale-image',
      ]);
      const [first, second] = roots.map(({ traceId }) => traceId);
      expect(first).not.toBe(second);
      const traces = receiver.named('job.store').map(({ traceId }) => traceId);
      expect(traces).toEqual([first, second]);
    },
  );

  it('is not held up by a collector that is away', async () => {
    const running = await start({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` },
    });
    await running.client.process('remove-background', await png());
    const before = performance.now();
    expect(await running.services.stop()).toEqual([]);
    expect(performance.now() - before).toBeLessThan(running.config.server.shutdownTimeoutMs + 1000);
  });
});

describe.skipIf(!requireRedis())('a job that another server goes on with', () => {
  let site: RedisSite;
  beforeEach(async () => {
    site = await RedisSite.open();
  });
  afterEach(() => site.close());

  it('stays in its trace', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint };
    const nobody = `127.0.0.1:${await freePort()}`;
    const front = await site.start({ env: { ...env, OTEL_SERVICE_NAME: 'front', COMFYUI_HOST: nobody } });
    const id = await traced(front).submit('remove-background', await png());
    const worker = await site.start({ env: { ...env, OTEL_SERVICE_NAME: 'worker' } });
    await worker.client.finished(id);
    await Promise.all([front.stop(), worker.stop()]);
    const request = receiver.only('POST /api/async/remove-background');
    const attempt = receiver.only('job.attempt');
    expect([request.service, attempt.service]).toEqual(['front', 'worker']);
    expect([request.traceId, attempt.traceId]).toEqual([TRACE, TRACE]);
    expect(attempt.parent).toBe(request.id);
  });
});
