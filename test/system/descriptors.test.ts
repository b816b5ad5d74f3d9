import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { canLimitDescriptors, limitDescriptors } from '../support/descriptors.js';
import { eventually } from '../support/eventually.js';
import { KeptConnection } from '../support/KeptConnection.js';
import { png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';

/** Fewer than any process has. */
const NONE = 5;
/** Longer than idle connections to a machine stay open: then everything needs a new one. */
const IDLE_MS = 5500;
const BLAME = /^(Instance is unhealthy|Circuit breaker opened.*|Attempt failed, job is retried)$/;

let simulators: Simulator[];
let server: ServerProcess;
let client: Client;
let kept: KeptConnection;

async function start(env: Readonly<Record<string, string>> = {}, limit?: string): Promise<void> {
  const COMFYUI_HOST = simulators.map(({ host }) => host).join(',');
  server = await ServerProcess.start({ COMFYUI_HOST, ...env }, limit === undefined ? {} : { limit });
  client = new Client(server.baseUrl);
  kept = await KeptConnection.open(server.baseUrl);
}

const said = (pattern: RegExp) => server.lines().filter(({ message }) => pattern.test(message));
const executions = () => simulators.flatMap((simulator) => simulator.executions);

beforeEach(async () => {
  simulators = [await startSimulator(), await startSimulator()];
});
afterEach(async () => {
  kept.close();
  await server.kill();
  await Promise.all(simulators.map((simulator) => simulator.stop()));
});

describe.runIf(canLimitDescriptors())('a server without free file descriptors', () => {
  it('blames no machine, says so once, and still answers', async () => {
    await start({ HEALTH_CHECK_INTERVAL: '5000', BREAKER_FAILURE_THRESHOLD: '1' });
    const free = limitDescriptors(server.child.pid, NONE);
    await sleep(3 * IDLE_MS);
    const answers = [await kept.get('/health'), await kept.get('/status'), await kept.get('/metrics')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers[0]?.body).toMatchObject({ status: 'healthy', memory: { rss_mb: expect.any(Number) } });
    free();
    await sleep(IDLE_MS);
    expect(said(BLAME)).toEqual([]);
    expect(said(/^No more connections can be opened$/)).toMatchObject([
      { level: 'error', error: expect.stringMatching(/EMFILE/) },
    ]);
    expect(await (await client.request('/status')).json()).toMatchObject({ healthy_instances: 2 });
  });

  it('fetches the result of a prompt that ended meanwhile, which runs only once', async () => {
    for (const simulator of simulators) simulator.setWork(IDLE_MS);
    await start();
    const id = await client.submit('upscale-image', await png());
    await eventually(() => expect(executions()).toHaveLength(1));
    const free = limitDescriptors(server.child.pid, NONE);
    await sleep(2 * IDLE_MS);
    expect((await kept.get(`/api/jobs/${id}/status`)).body).toMatchObject({ status: 'processing' });
    free();
    expect(await client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(executions()).toHaveLength(1);
    expect(said(BLAME)).toEqual([]);
  });

  it('lets new jobs wait, which use up no attempts', async () => {
    await start({ JOB_MAX_ATTEMPTS: '1' });
    await sleep(IDLE_MS);
    const free = limitDescriptors(server.child.pid, NONE);
    const { body } = await kept.post('/api/async/upscale-image', await png(), 'image/png');
    const { job_id: id } = asyncAnswer.parse(body);
    await sleep(3000);
    free();
    expect(await client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(said(BLAME)).toEqual([]);
  });
});
