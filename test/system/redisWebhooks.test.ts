import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { jobListAnswer, jobRecord } from '../../src/schemas/jobs.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { HttpServers } from '../support/httpServers.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { colourOf, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { startQueue } from '../support/redisServers.js';
import { Stack } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

const QUICK = {
  timeoutMs: 10_000,
  baseDelayMs: 20,
  maxDelayMs: 200,
  giveUpAfterMs: 600_000,
  untoldCheckMs: 200,
  holdMs: 30_000,
};
/** A hold of 30 s, two checks by BullMQ, and a reserve for a busy computer. */
const TAKEN_OVER_MS = 90_000;

async function webhookOf(client: Client, id: string): Promise<z.output<typeof jobRecord>['webhook']> {
  return (await client.json(`/api/jobs/${id}/info`, jobRecord)).webhook;
}

describe.runIf(requireRedis())('webhooks of servers that share a Redis', { timeout: 180_000 }, () => {
  const receivers = new HttpServers();
  const stacks: Stack[] = [];
  let redis: RedisServer;
  let simulator: Simulator;
  let env: Record<string, string>;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis?.stop());
  afterEach(async () => {
    receivers.close();
    await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
    await simulator.stop();
  });

  /** Creates what the servers of one test share. */
  async function openSite(of = redis): Promise<void> {
    simulator = await startSimulator();
    env = {
      COMFYUI_HOST: simulator.host,
      QUEUE: 'redis',
      REDIS_URL: of.url,
      REDIS_PREFIX: `test-${randomUUID()}`,
      ASSET_STORE: 'disk',
      ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
      WEBHOOK_SECRET,
      WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
    };
  }

  async function startServer(webhooks: Partial<typeof QUICK> = {}, port = 0): Promise<Stack> {
    const stack = await Stack.start({
      simulators: [],
      env,
      overrides: { webhooks: { ...QUICK, ...webhooks } },
      port,
    });
    stacks.push(stack);
    return stack;
  }

  const submit = async (client: Client, receiver: WebhookReceiver, n = 0): Promise<string> =>
    client.submit('remove-background', await png({ colour: colourOf(n) }), { webhook_url: receiver.url });

  const settled = (client: Client, id: string, timeoutMs?: number) =>
    eventually(async () => expect((await webhookOf(client, id))?.state).toBe('delivered'), timeoutMs);

  it('are sent once, by one server, and every server knows', async () => {
    await openSite();
    const servers = [await startServer(), await startServer(), await startServer()];
    const receiver = await WebhookReceiver.start(receivers);
    const ids = await Promise.all(
      servers.flatMap(({ client }, n) =>
        Array.from({ length: 4 }, (_, m) => submit(client, receiver, 4 * n + m)),
      ),
    );
    for (const { client } of servers) for (const id of ids) await settled(client, id);
    // Time in which another message would be sent.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(receiver.messages.map(({ data }) => data['job_id']).sort()).toEqual([...ids].sort());
    for (const { client } of servers) {
      const { jobs } = await client.json('/api/jobs/list?limit=50', jobListAnswer);
      expect(jobs.map(({ webhook }) => webhook?.attempts.length)).toEqual(ids.map(() => 1));
    }
  });

  it('wait for a receiver that is down, under the same id, and every server sees the attempts', async () => {
    await openSite();
    const [a, b] = [await startServer(), await startServer()];
    let isUp = false;
    const receiver = await WebhookReceiver.start(receivers, (response) => {
      response.statusCode = isUp ? 204 : 503;
      response.end();
    });
    const id = await submit(a.client, receiver);
    await eventually(async () => {
      expect((await webhookOf(b.client, id))?.attempts.length).toBeGreaterThan(2);
    });
    expect((await webhookOf(b.client, id))?.state).toBe('delivering');
    isUp = true;
    await settled(b.client, id);
    const webhook = await webhookOf(a.client, id);
    expect(webhook?.attempts.at(-1)?.status).toBe(204);
    expect(webhook?.attempts).toHaveLength(receiver.ids.length);
    expect(new Set(receiver.ids).size).toBe(1);
  });

  it('are lost with a job that is deleted at another server, and stay with one that expires there', async () => {
    await openSite();
    const slowly = { baseDelayMs: 1000, maxDelayMs: 1000 };
    // The first server makes all deliveries.
    const a = await startServer(slowly);
    let isUp = false;
    const receiver = await WebhookReceiver.start(receivers, (response) => {
      response.statusCode = isUp ? 200 : 503;
      response.end();
    });
    const deleted = await submit(a.client, receiver, 0);
    const expired = await submit(a.client, receiver, 1);
    await eventually(async () => {
      for (const id of [deleted, expired]) expect((await webhookOf(a.client, id))?.attempts).not.toEqual([]);
    });
    const b = await startServer(slowly);
    expect((await b.client.request(`/api/jobs/${deleted}`, { method: 'DELETE' })).status).toBe(200);
    await b.services.manager.removals.forget(expired, 'expired');
    const before = receiver.ids.length;
    isUp = true;
    await eventually(() => expect(receiver.ids.length).toBeGreaterThan(before), 10_000);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(receiver.ids.slice(before)).toEqual([`msg_${expired}_completed`]);
    expect(a.services.webhooks?.figures).toMatchObject({ waiting: 0, delivered: 1, givenUp: 0 });
    expect(b.services.webhooks?.figures).toMatchObject({ waiting: 0, delivered: 0 });
  });

  it('go on at another server when theirs is stopped, as soon as the next attempt is due', async () => {
    await openSite();
    // Long enough for a stop in between.
    const slowly = { baseDelayMs: 20_000, maxDelayMs: 20_000 };
    const a = await startServer(slowly);
    const receiver = await WebhookReceiver.start(receivers, (response, count) => {
      response.statusCode = count === 1 ? 503 : 200;
      response.end();
    });
    const id = await submit(a.client, receiver);
    await eventually(async () => expect((await webhookOf(a.client, id))?.attempts).toHaveLength(1));
    await a.stop();
    expect(receiver.ids).toHaveLength(1);
    const b = await startServer(slowly);
    expect(await webhookOf(b.client, id)).toMatchObject({
      state: 'delivering',
      attempts: [{ status: 503 }],
      nextAttemptTime: expect.any(Number),
    });
    await settled(b.client, id, 60_000);
    expect(receiver.ids).toHaveLength(2);
    expect(new Set(receiver.ids).size).toBe(1);
  });

  it('go on when they are due although the clock of the stopped server was an hour ahead', async () => {
    await openSite();
    const wrong = await ServerProcess.start(env, {
      nodeArguments: ['--import', './test/support/jumpingClock.mjs'],
    });
    const receiver = await WebhookReceiver.start(receivers, (response, count) => {
      response.statusCode = count === 1 ? 503 : 200;
      response.end();
    });
    const id = await submit(new Client(wrong.baseUrl), receiver);
    await eventually(async () => {
      expect((await webhookOf(new Client(wrong.baseUrl), id))?.attempts).toHaveLength(1);
    });
    // Only now: its signatures would be too new for the receiver.
    await new Promise<unknown>((sent) => wrong.child.send(3_600_000, sent));
    wrong.child.kill('SIGTERM');
    expect(await wrong.ended()).toBe(0);
    const right = await startServer();
    await settled(right.client, id, 20_000);
    expect(receiver.ids).toHaveLength(2);
  });

  it('are sent for an end that a server records while it starts', async () => {
    await openSite();
    simulator.setWork(60_000);
    const before = await startServer();
    const receiver = await WebhookReceiver.start(receivers);
    const ids = [];
    for (let n = 0; n < 6; n += 1) ids.push(await submit(before.client, receiver, n));
    await before.stop();
    // The start waits for its health check.
    const silent = new URL(await receivers.listen(() => new Promise(() => undefined))).host;
    env = { ...env, COMFYUI_HOST: `${simulator.host},${silent}` };
    const port = await freePort();
    let isStarted = false;
    const starting = startServer({}, port).then(() => {
      isStarted = true;
    });
    const client = new Client(`http://127.0.0.1:${port}`);
    const id = ids.at(-1) ?? '';
    await eventually(async () => {
      const answer = await client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
      expect(answer.status).toBe(200);
    });
    await eventually(async () => expect((await webhookOf(client, id))?.state).toBe('delivering'));
    expect(isStarted).toBe(false);
    await starting;
    await settled(client, id);
    expect(receiver.messages).toMatchObject([{ type: 'job.cancelled', data: { job_id: id } }]);
  });

  it('are sent for an end that was recorded by a server which died before it told anybody', async () => {
    await openSite();
    const [a] = [await startServer(), await startServer()];
    const receiver = await WebhookReceiver.start(receivers);
    // Many before it that cannot be sent, because their records are gone.
    const admin = new Redis(redis.url);
    const gone = Array.from({ length: 600 }, (_, n) => [-n, `gone-${n}`]).flat();
    await admin.zadd(`{${env['REDIS_PREFIX']}}:jobs:webhook:untold`, ...gone);
    admin.disconnect();
    const dying = await startQueue(redis.url, env['REDIS_PREFIX'] ?? '');
    const webhook = { url: receiver.url, events: ['cancelled'], withImage: false } as const;
    const [toldId, silentId] = [randomUUID(), randomUUID()];
    const told = transitions.accept(toldId, { ...JOB_REQUEST, webhook }, Date.now());
    const notAsked = { ...webhook, events: ['completed'] } as const;
    const silent = transitions.accept(silentId, { ...JOB_REQUEST, webhook: notAsked }, Date.now());
    for (const job of [told, silent]) {
      await dying.jobs.insert(job);
      await dying.jobs.update(job.id, (stored) => transitions.cancel(stored, Date.now()));
    }
    await settled(a.client, toldId);
    expect(receiver.messages).toMatchObject([
      { type: 'job.cancelled', data: { job_id: toldId, status: 'cancelled' } },
    ]);
    expect((await webhookOf(a.client, silentId))?.state).toBe('not_asked_for');
    await dying.stop();
  });

  it.each(['expires', 'is deleted'])(
    'are sent for an end that nobody told before its job %s',
    async (how) => {
      await openSite();
      // No check finds it before.
      const a = await startServer({ untoldCheckMs: 600_000 });
      const receiver = await WebhookReceiver.start(receivers);
      const dying = await startQueue(redis.url, env['REDIS_PREFIX'] ?? '');
      const webhook = { url: receiver.url, events: ['cancelled'], withImage: false } as const;
      const id = randomUUID();
      const endTime = how === 'expires' ? 1000 : Date.now();
      await dying.jobs.insert(transitions.accept(id, { ...JOB_REQUEST, webhook }, endTime));
      await dying.jobs.update(id, (stored) => transitions.cancel(stored, endTime));
      await dying.stop();
      if (how === 'is deleted') await a.client.request(`/api/jobs/${id}`, { method: 'DELETE' });
      else expect(await a.services.manager.cleanup()).toBe(1);
      await eventually(async () => {
        expect((await a.client.request(`/api/jobs/${id}/status`)).status).toBe(404);
        expect(receiver.messages).toMatchObject([{ type: 'job.cancelled', data: { job_id: id } }]);
      });
    },
  );

  it('outlast Redis: what waits goes on when it is back, and is sent once', async () => {
    const own = await RedisServer.start();
    await openSite(own);
    const [a, b] = [await startServer({ baseDelayMs: 500, maxDelayMs: 500 }), await startServer()];
    let isUp = false;
    const taken: (string | undefined)[] = [];
    const receiver = await WebhookReceiver.start(receivers, (response) => {
      response.statusCode = isUp ? 200 : 503;
      if (isUp) taken.push(receiver.ids.at(-1));
      response.end();
    });
    const ids = await Promise.all([0, 1, 2, 3].map((n) => submit(a.client, receiver, n)));
    await eventually(async () => {
      for (const id of ids) expect((await webhookOf(a.client, id))?.attempts.length).toBeGreaterThan(0);
    });
    await own.kill();
    // Time for attempts that are already confirmed.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    isUp = true;
    const before = receiver.ids.length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(receiver.ids).toHaveLength(before);
    await own.restart();
    for (const id of ids) await settled(b.client, id);
    expect(taken.sort()).toEqual(ids.map((id) => `msg_${id}_completed`).sort());
    await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
    await own.stop();
  });

  it.each([
    ['full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
    ['read-only', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
  ] as const)(
    'while Redis is %s, jobs with one cannot be deleted for the moment',
    async (_, [on, ...values], [off, ...valuesBack]) => {
      const own = await RedisServer.start();
      await openSite(own);
      const { client, services } = await startServer();
      const receiver = await WebhookReceiver.start(receivers, (response) => response.writeHead(503).end());
      const id = await submit(client, receiver);
      await eventually(async () => expect((await webhookOf(client, id))?.attempts).not.toEqual([]));
      const job = await services.manager.get(id);
      const admin = new Redis(own.url);
      await admin.call(on, ...values);
      const deletion = await client.request(`/api/jobs/${id}`, { method: 'DELETE' });
      expect(deletion.status).toBe(503);
      expect(deletion.headers.get('retry-after')).toBe('2');
      expect(await deletion.json()).toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
      await admin.call(off, ...valuesBack);
      admin.disconnect();
      await eventually(async () => {
        expect((await client.request(`/api/jobs/${id}`, { method: 'DELETE' })).status).toBe(200);
      });
      await own.kill();
      const asked = services.webhooks?.deliveriesOf([job]);
      await expect(asked).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
      await Promise.all(stacks.splice(0).map((stack) => stack.stop()));
      await own.stop();
    },
  );

  it('survive `kill -9` of the server that waits to send them again', async () => {
    await openSite();
    const first = await ServerProcess.start(env);
    let isUp = false;
    const receiver = await WebhookReceiver.start(receivers, (response) => {
      response.statusCode = isUp ? 200 : 503;
      response.end();
    });
    const client = new Client(first.baseUrl);
    const ids = await Promise.all([0, 1, 2].map((n) => submit(client, receiver, n)));
    await eventually(() => expect(new Set(receiver.ids).size).toBe(3));
    await first.kill();
    // Time for its last messages.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const before = receiver.ids.length;
    isUp = true;
    const next = await ServerProcess.start(env);
    for (const id of ids) await settled(new Client(next.baseUrl), id, TAKEN_OVER_MS);
    expect(receiver.ids.slice(before).sort()).toEqual(ids.map((id) => `msg_${id}_completed`).sort());
    await next.kill();
  });
});
