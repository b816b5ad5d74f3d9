import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import { RawClient } from '../support/rawClient.js';

describe.runIf(requireRedis())(
  'a server that is paused while it creates a job with an Idempotency-Key',
  () => {
    let site: RedisSite;
    let paused: ServerProcess | undefined;
    const files = new HttpServers();
    beforeEach(async () => {
      site = await RedisSite.open();
    });
    afterEach(async () => {
      await paused?.kill();
      files.close();
      await site.close();
    });

    it('answers with the job that another server created meanwhile', async () => {
      const picture = await png();
      const unanswered: ServerResponse[] = [];
      let isFirst = true;
      const url = await files.listen((_request, response) => {
        if (isFirst) unanswered.push(response);
        else response.end(picture);
        isFirst = false;
      });
      const env = {
        ...site.env,
        INPUT_URL_ALLOWED_HOSTS: '127.0.0.1',
        INPUT_URL_TIMEOUT: '60000',
      };
      paused = await ServerProcess.start(env);
      const other = await site.start({ env });
      const submit = async (client: Client) => {
        const headers = { 'content-type': 'application/json', 'idempotency-key': 'k' };
        const body = JSON.stringify({ inputs: { image: `${url}/picture.png` } });
        const init = { method: 'POST', headers, body };
        return asyncAnswer.parse(await (await client.request('/api/async/remove-background', init)).json())
          .job_id;
      };
      const first = submit(new Client(paused.baseUrl));
      await eventually(() => expect(unanswered).toHaveLength(1));
      paused.child.kill('SIGSTOP');
      // When the claim of the paused server has expired.
      const second = await submit(other.client);
      paused.child.kill('SIGCONT');
      unanswered[0]?.end(picture);
      expect(await first).toBe(second);
      expect((await other.client.finished(second)).status).toBe('completed');
      const list = (await (await other.client.request('/api/jobs/list')).json()) as { total: number };
      expect(list.total).toBe(1);
      expect(site.simulator.executions).toHaveLength(1);
    }, 60_000);
  },
);

describe('a server that is paused for longer than JOB_TIMEOUT', () => {
  let simulator: Simulator;
  let server: ServerProcess | undefined;
  afterEach(async () => {
    server?.child.kill('SIGCONT');
    await server?.kill();
    await simulator.stop();
  });

  it('takes the result of a prompt that ended meanwhile, and does not blame the machine', async () => {
    simulator = await startSimulator({ workMs: { InspyrenetRembg: 500 } });
    server = await ServerProcess.start({ COMFYUI_HOST: simulator.host, JOB_TIMEOUT: '2000' });
    const client = new Client(server.baseUrl);
    const id = await client.submit('remove-background', await png());
    await eventually(() => expect(simulator.executions).toHaveLength(1));
    server.child.kill('SIGSTOP');
    await sleep(3500);
    server.child.kill('SIGCONT');
    expect(await client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(simulator.executions).toHaveLength(1);
  });
});

describe('a server that is paused for some seconds', () => {
  let server: ServerProcess | undefined;
  afterEach(async () => {
    server?.child.kill('SIGCONT');
    await server?.kill();
  });

  it('answers the request that came meanwhile on the connection of an earlier one', async () => {
    server = await ServerProcess.start({ COMFYUI_HOST: '127.0.0.1:1' });
    const client = await RawClient.connect(server.baseUrl);
    const responses = () => client.received.match(/HTTP\/1\.1 200/g)?.length ?? 0;
    client.send('GET', '/api/jobs/list', {});
    await eventually(() => expect(responses()).toBe(1));
    server.child.kill('SIGSTOP');
    client.send('GET', '/api/jobs/list', {});
    await sleep(7000);
    server.child.kill('SIGCONT');
    await eventually(() => expect([responses(), client.isClosed]).toEqual([2, false]));
    client.socket.destroy();
  });

  it('does not hold its pause against a client that uploads', async () => {
    server = await ServerProcess.start({ COMFYUI_HOST: '127.0.0.1:1' });
    const client = await RawClient.connect(server.baseUrl);
    const second = Buffer.alloc(30_000);
    let left = 30;
    client.post('/api/async/remove-background', {
      'Content-Type': 'image/png',
      'Content-Length': left * second.length,
    });
    const sendSecond = () => {
      left -= 1;
      client.socket.write(second);
    };
    const sending = setInterval(sendSecond, 1000);
    // The speed is measured every 10 s. The second measurement would see nothing else than the pause.
    await sleep(10_500);
    server.child.kill('SIGSTOP');
    await sleep(12_000);
    server.child.kill('SIGCONT');
    await sleep(500);
    clearInterval(sending);
    while (left > 0) sendSecond();
    // It is no image.
    expect(await client.status()).toBe(415);
    client.socket.destroy();
  });
});
