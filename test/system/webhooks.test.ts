import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { asyncAnswer, jobRecord } from '../../src/schemas/jobs.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { colourOf, png } from '../support/pictures.js';
import { RawClient } from '../support/rawClient.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

const QUICK = { timeoutMs: 10_000, baseDelayMs: 10, maxDelayMs: 40, giveUpAfterMs: 60_000 };

let stack: Stack;
const receivers = new HttpServers();
afterEach(async () => {
  receivers.close();
  await stack.stop();
});

const start = (options: StackOptions = {}, webhooks: Partial<typeof QUICK> = {}) =>
  Stack.start({
    ...options,
    env: { WEBHOOK_SECRET, WEBHOOK_ALLOWED_HOSTS: '127.0.0.1', ...options.env },
    overrides: { ...options.overrides, webhooks: { ...QUICK, ...webhooks } },
  });

function formOf(image: Buffer, fields: Record<string, string>): FormData {
  const form = new FormData();
  form.set('imageFile', new Blob([new Uint8Array(image)]), 'picture.png');
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

async function submit(fields: Record<string, string>, image?: Buffer): Promise<string> {
  const answer = await stack.client.post('/api/async/remove-background', image ?? (await png()), { fields });
  expect(answer.status).toBe(202);
  return asyncAnswer.parse(await answer.json()).job_id;
}

const webhookOf = async (id: string) => (await stack.client.json(`/api/jobs/${id}/info`, jobRecord)).webhook;

async function settled(id: string): Promise<NonNullable<z.output<typeof jobRecord>['webhook']>> {
  await eventually(async () => expect((await webhookOf(id))?.state).toMatch(/delivered|given_up/));
  return (await webhookOf(id)) as NonNullable<Awaited<ReturnType<typeof webhookOf>>>;
}

describe('a webhook', () => {
  it("tells a job's end once, signed, with paths that lead back", async () => {
    stack = await start();
    const receiver = await WebhookReceiver.start(receivers);
    const id = await submit({ webhook_url: receiver.url });
    const webhook = await settled(id);
    expect(webhook).toMatchObject({ state: 'delivered', attempts: [{ status: 200 }] });
    // What may be a secret of the receiver is hidden.
    expect(webhook.url).toBe(receiver.url.split('?')[0]);
    expect(receiver.messages).toHaveLength(1);
    const [message] = receiver.messages;
    expect(message).toMatchObject({ type: 'job.completed', data: { job_id: id, status: 'completed' } });
    expect(message?.data['image_base64']).toBeUndefined();
    const headers = { Accept: 'image/*' };
    const image = await stack.client.request(String(message?.data['result_url']), { headers });
    expect(image.headers.get('Content-Type')).toBe('image/png');
  });

  it('has the links that the configuration says, whatever host a request names', async () => {
    const PUBLIC_URL = 'https://images.example/comfy/';
    stack = await start({ env: { PUBLIC_URL, TRUST_PROXY: 'loopback', ALLOWED_HOSTS: 'forged.example' } });
    const receiver = await WebhookReceiver.start(receivers);
    const client = await RawClient.connect(stack.client.baseUrl);
    const form = new Response(formOf(await png(), { webhook_url: receiver.url }));
    const body = Buffer.from(await form.arrayBuffer());
    client.post(
      '/api/async/remove-background',
      {
        Host: 'forged.example',
        'X-Forwarded-Host': 'forged.example',
        'X-Forwarded-Proto': 'gopher',
        'Content-Type': String(form.headers.get('Content-Type')),
        'Content-Length': body.length,
      },
      body,
    );
    const id = String((await client.json())['job_id']);
    expect((await settled(id)).state).toBe('delivered');
    expect(JSON.stringify(receiver.messages)).not.toMatch(/forged|gopher|127\.0\.0\.1:\d+\/api/);
    expect(receiver.messages[0]?.data['result_url']).toBe(
      `https://images.example/comfy/api/jobs/${id}/result`,
    );
  });

  it('is sent again, under the same id, until the receiver takes it', async () => {
    stack = await start();
    const receiver = await WebhookReceiver.start(receivers, (response, count) => {
      response.statusCode = count <= 3 ? 500 : 204;
      response.end();
    });
    const { state, attempts } = await settled(await submit({ webhook_url: receiver.url }));
    expect(state).toBe('delivered');
    expect(attempts.map(({ status }) => status)).toEqual([500, 500, 500, 204]);
    expect(new Set(receiver.ids).size).toBe(1);
  });

  it('is given up when its time is over, and never sent more often than its waits allow', async () => {
    stack = await start({}, { timeoutMs: 30, giveUpAfterMs: 300 });
    const hanging = await WebhookReceiver.start(receivers, () => undefined);
    const { state, attempts } = await settled(await submit({ webhook_url: hanging.url }));
    expect(state).toBe('given_up');
    expect(attempts.length).toBeGreaterThan(1);
    // Each attempt takes 30 ms, with at least 5 ms in between.
    expect(attempts.length).toBeLessThanOrEqual(300 / 35 + 2);
    for (const { error } of attempts) expect(error).toBe('the receiver took too long');
  });

  it('waits for a receiver that is slow, and sends nothing twice', async () => {
    stack = await start({}, { timeoutMs: 5000 });
    const slow = await WebhookReceiver.start(
      receivers,
      (response) => void setTimeout(() => response.end('x'.repeat(1e6)), 300),
    );
    expect(await settled(await submit({ webhook_url: slow.url }))).toMatchObject({
      state: 'delivered',
      attempts: [{ status: 200 }],
    });
    expect(slow.messages).toHaveLength(1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never ends', (response) => void response.writeHead(200).write('a')],
    ['does not come', (response) => response.writeHead(200, { 'Content-Length': 10 }).flushHeaders()],
    [
      'is cut off',
      (response) => {
        response.writeHead(200, { 'Content-Length': 10 }).write('a');
        setTimeout(() => response.destroy(), 20);
      },
    ],
  ])(
    'is delivered once if the receiver accepts it, even if the body of its response %s',
    async (_, answer) => {
      stack = await start({}, { timeoutMs: 5000 });
      const receiver = await WebhookReceiver.start(receivers, answer);
      const { state, attempts } = await settled(await submit({ webhook_url: receiver.url }));
      expect([state, attempts.map(({ status }) => status)]).toEqual(['delivered', [200]]);
      // Time in which it would be sent again, and in which the rest of the body is abandoned.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(receiver.messages).toHaveLength(1);
      await eventually(() => expect(receiver.openConnections).toBe(0));
    },
  );

  it('waits until the date that a receiver names', async () => {
    stack = await start({}, { maxDelayMs: 10_000 });
    let earliest = 0;
    let acceptedAt = 0;
    const busy = await WebhookReceiver.start(receivers, (response, count) => {
      if (count > 1) {
        acceptedAt = Date.now();
        response.end();
        return;
      }
      earliest = Math.ceil(Date.now() / 1000) * 1000 + 2000;
      response.writeHead(429, { 'Retry-After': new Date(earliest).toUTCString() }).end();
    });
    const { attempts } = await settled(await submit({ webhook_url: busy.url }));
    expect(attempts.map(({ status }) => status)).toEqual([429, 200]);
    // Timers may be a few milliseconds early.
    expect(acceptedAt).toBeGreaterThan(earliest - 50);
  });

  it('is not sent again after a 410 whose body is cut off', async () => {
    stack = await start();
    const gone = await WebhookReceiver.start(receivers, (response) => {
      response.writeHead(410, { 'Content-Length': 10 }).write('a');
      setTimeout(() => response.destroy(), 20);
    });
    const webhook = await settled(await submit({ webhook_url: gone.url }));
    expect(webhook).toMatchObject({ state: 'given_up', attempts: [{ status: 410 }] });
  });

  it('does not follow where a receiver points to', async () => {
    stack = await start({}, { giveUpAfterMs: 50 });
    const inside = await WebhookReceiver.start(receivers);
    const redirecting = await WebhookReceiver.start(receivers, (response) =>
      response.writeHead(307, { Location: inside.url }).end(),
    );
    const { state, attempts } = await settled(await submit({ webhook_url: redirecting.url }));
    expect(state).toBe('given_up');
    expect(attempts[0]?.status).toBe(307);
    expect(inside.messages).toEqual([]);
  });

  it('is not sent again to who does not want any more', async () => {
    stack = await start();
    const gone = await WebhookReceiver.start(receivers, (response) => response.writeHead(410).end());
    const webhook = await settled(await submit({ webhook_url: gone.url }));
    const reason = 'the receiver answered 410';
    expect(webhook).toMatchObject({ state: 'given_up', reason, attempts: [{ status: 410 }] });
  });

  it('is sent for the ends that were asked for', async () => {
    stack = await start();
    const receiver = await WebhookReceiver.start(receivers);
    const fields = { webhook_url: receiver.url, webhook_events: 'failed, cancelled' };
    const completed = await submit(fields);
    await stack.client.finished(completed);
    expect((await webhookOf(completed))?.state).toBe('not_asked_for');
    stack.simulator().faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'no' });
    await settled(await submit(fields, await png({ colour: colourOf(1) })));
    stack.simulator().faults.failNodes.clear();
    stack.simulator().faults.hang = true;
    const cancelled = await submit(fields, await png({ colour: colourOf(2) }));
    expect((await webhookOf(cancelled))?.state).toBe('waiting');
    await stack.client.request(`/api/jobs/${cancelled}/cancel`, { method: 'POST' });
    stack.simulator().faults.hang = false;
    await settled(cancelled);
    expect(receiver.messages.map(({ type }) => type)).toEqual(['job.failed', 'job.cancelled']);
    expect(receiver.messages[0]?.data).toMatchObject({ error_code: 'WORKFLOW_FAILED' });
  });

  it('carries a small image when it is asked to, and no large one', async () => {
    stack = await start();
    const receiver = await WebhookReceiver.start(receivers);
    const fields = { webhook_url: receiver.url, webhook_image: 'true' };
    const small = await submit(fields);
    await settled(small);
    const { image } = await stack.services.manager.outputs.result(small);
    expect(receiver.messages[0]?.data['image_base64']).toBe(
      `data:image/png;base64,${image.toString('base64')}`,
    );

    const noise = sharp(randomBytes(400 * 400 * 3), { raw: { width: 400, height: 400, channels: 3 } });
    await settled(await submit(fields, await noise.png().toBuffer()));
    expect(receiver.messages[1]).toMatchObject({ type: 'job.completed' });
    expect(receiver.messages[1]?.data['image_base64']).toBeUndefined();
  });
});

describe('the webhook of a job that is removed', () => {
  /** A receiver that is down until `isUp` says otherwise. */
  async function startDown(options: StackOptions = {}, delayMs = 200) {
    stack = await start(options, { baseDelayMs: delayMs, maxDelayMs: delayMs });
    const state = { isUp: false };
    const receiver = await WebhookReceiver.start(receivers, (response) => {
      response.statusCode = state.isUp ? 200 : 503;
      response.end();
    });
    /** What arrives after the receiver is up, within some attempts. */
    const afterwards = async () => {
      const before = receiver.messages.length;
      state.isUp = true;
      await new Promise((resolve) => setTimeout(resolve, 5 * delayMs));
      return receiver.messages.slice(before);
    };
    return { receiver, afterwards };
  }

  const remove = async (id: string) => {
    const answer = await stack.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
  };

  it('takes no result out of the server once the job is deleted', async () => {
    const { receiver, afterwards } = await startDown();
    const id = await submit({ webhook_url: receiver.url, webhook_image: 'true' });
    await eventually(async () => expect((await webhookOf(id))?.attempts.length).toBeGreaterThan(0));
    const delivery = (
      await stack.services.webhooks?.deliveriesOf([await stack.services.manager.get(id)])
    )?.get(id);
    await remove(id);
    expect(delivery).toMatchObject({ state: 'given_up', reason: 'the job was deleted' });
    expect(await afterwards()).toEqual([]);
    expect(stack.services.webhooks?.figures).toMatchObject({ waiting: 0, delivered: 0, givenUp: 0 });
  });

  it('is lost in the moment of the end, too', async () => {
    const { receiver, afterwards } = await startDown();
    const { manager } = stack.services;
    const removed = new Promise<void>((resolve, reject) => {
      manager.events.subscribe('finished', ({ id }) => void manager.remove(id).then(resolve, reject));
    });
    await submit({ webhook_url: receiver.url, webhook_image: 'true' });
    await removed;
    expect(await afterwards()).toEqual([]);
    expect(stack.services.webhooks?.figures.waiting).toBe(0);
  });

  it('is still sent if the job only expired', async () => {
    const { receiver, afterwards } = await startDown({ env: { JOB_CLEANUP_INTERVAL: '1000' } }, 500);
    const id = await submit({ webhook_url: receiver.url, webhook_image: 'true' });
    await eventually(() => expect(receiver.messages).toHaveLength(1));
    await eventually(async () => {
      expect((await stack.client.request(`/api/jobs/${id}/status`)).status).toBe(404);
    });
    const [message, ...more] = await afterwards();
    expect(message).toMatchObject({ type: 'job.completed', data: { job_id: id } });
    expect(message?.data['image_base64']).toMatch(/^data:image/);
    expect(more).toEqual([]);
  });

  it('tells that a job was cancelled because it was deleted', async () => {
    const { receiver, afterwards } = await startDown();
    stack.simulator().faults.hang = true;
    const id = await submit({ webhook_url: receiver.url });
    await stack.client.until(id, ({ status }) => status === 'processing');
    await remove(id);
    await eventually(() => expect(receiver.messages.length).toBeGreaterThan(0));
    stack.simulator().faults.hang = false;
    expect(await afterwards()).toMatchObject([{ type: 'job.cancelled', data: { job_id: id } }]);
  });
});

describe('where a webhook may lead', () => {
  const refused = async (webhook_url: string, more: Record<string, string> = {}) => {
    const fields = { webhook_url, ...more };
    const answer = await stack.client.refused('/api/async/remove-background', await png(), 400, { fields });
    expect(answer.code).toBe('INVALID_PARAMETER');
    return answer.error;
  };

  it('is no address inside a private network, however it is written', async () => {
    stack = await start({ env: { WEBHOOK_ALLOWED_HOSTS: '' } });
    for (const host of [
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:a9fe:a9fe]',
      '0.0.0.0',
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '169.254.169.254',
      '[fe80::1]',
      '[fd00::1]',
      '100.64.0.1',
      '168.63.129.16',
      '[::127.0.0.1]',
    ]) {
      expect(await refused(`http://${host}:8080/`), host).toMatch(/private network/);
    }
    expect((await stack.services.manager.counts()).total).toBe(0);
  });

  it('is no name that leads there, which shows only when it is resolved', async () => {
    const receiver = await WebhookReceiver.start(receivers);
    const url = receiver.url.replace('127.0.0.1', 'localhost');
    stack = await start({ env: { WEBHOOK_ALLOWED_HOSTS: '' } });
    const { state, attempts } = await settled(await submit({ webhook_url: url }));
    expect(state).toBe('given_up');
    expect(attempts).toHaveLength(1);
    expect(attempts[0]?.error).toMatch(/private network/);
    expect(receiver.messages).toEqual([]);
    await stack.stop();
    stack = await start({ env: { WEBHOOK_ALLOWED_HOSTS: 'LOCALHOST, other.example' } });
    expect((await settled(await submit({ webhook_url: url }))).state).toBe('delivered');
  });

  it('is an http or https URL, and its parameters are right', async () => {
    stack = await start();
    for (const url of [
      'ftp://a.example/',
      'nonsense',
      'http://user:word@a.example/',
      'javascript:alert(1)',
    ]) {
      expect(await refused(url), url).toMatch(/webhook_url must be an http or https URL/);
    }
    expect(await refused('https://a.example', { webhook_events: 'completed,begun' })).toMatch(
      /webhook_events/,
    );
  });

  it('is nowhere on a server that has no secret to sign with', async () => {
    stack = await Stack.start();
    expect(await refused('https://a.example/')).toMatch(/WEBHOOK_SECRET/);
  });
});

describe('at a shutdown', () => {
  it('what waits is tried once more, and the jobs that were interrupted are told of', async () => {
    stack = await start({ env: { SHUTDOWN_TIMEOUT: '2000' } }, { baseDelayMs: 60_000, maxDelayMs: 60_000 });
    const receiver = await WebhookReceiver.start(receivers, (response, count) => {
      response.statusCode = count === 1 ? 500 : 200;
      response.end();
    });
    const first = await submit({ webhook_url: receiver.url });
    await eventually(async () => expect((await webhookOf(first))?.attempts).toHaveLength(1));
    expect(await webhookOf(first)).toMatchObject({
      state: 'delivering',
      nextAttemptTime: expect.any(Number),
    });
    stack.simulator().faults.hang = true;
    const second = await submit({ webhook_url: receiver.url }, await png({ colour: colourOf(1) }));
    await stack.client.until(second, ({ status }) => status === 'processing');
    await stack.stop();
    stack.simulator().faults.hang = false;
    const told = receiver.messages.map(({ type, data }) => `${type} ${data['job_id']}`);
    expect(told).toHaveLength(3);
    expect(new Set(told)).toEqual(new Set([`job.completed ${first}`, `job.failed ${second}`]));
  });

  it('nobody waits for a receiver that hangs', async () => {
    stack = await start({}, { timeoutMs: 60_000 });
    const hanging = await WebhookReceiver.start(receivers, () => undefined);
    const id = await submit({ webhook_url: hanging.url });
    await eventually(() => expect(hanging.messages).toHaveLength(1));
    const { webhooks } = stack.services;
    await webhooks?.stop(10);
    const deliveries = await webhooks?.deliveriesOf([await stack.services.manager.get(id)]);
    expect(deliveries?.get(id)?.state).toBe('given_up');
  });
});
