import { afterEach, describe, expect, it } from 'vitest';
import { instancesAnswer } from '../../src/schemas/instances.js';
import { anySyncAnswer, asyncAnswer } from '../../src/schemas/jobs.js';
import { healthAnswer, statusAnswer } from '../../src/schemas/status.js';
import { samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { RedisSite } from '../support/RedisSite.js';
import { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

const JSON_TYPE = { 'Content-Type': 'application/json' };
/** Nothing is checked by time: only changes lead to checks. */
const RARELY = { HEALTH_CHECK_INTERVAL: '600000' };
const LACKING = { labels: ['a100'], outputs: { image: { node: '9' } } };
const ISSUE = expect.stringMatching(/ lacks the label a100 \(workflow odd\)\.$/);

let files: WorkflowFiles;
let stack: Stack;
let site: RedisSite | undefined;
afterEach(async () => {
  await stack.stop();
  await site?.close();
  site = undefined;
  await files.delete();
});

async function start(env: Readonly<Record<string, string>> = {}, graph = samplerGraph()): Promise<void> {
  files = await WorkflowFiles.create();
  stack = await Stack.start({ env: { WORKFLOWS_DIR: files.directory, ...env } });
  await store(graph);
}

/** Stores the workflow `odd`, which needs a label that no machine has. */
async function store(graph: unknown, manifest: unknown = LACKING): Promise<void> {
  const body = JSON.stringify({ graph, manifest });
  const response = await stack.client.request('/api/workflows/odd', {
    method: 'PUT',
    headers: JSON_TYPE,
    body,
  });
  expect(response.status).toBe(201);
}

async function remove(): Promise<void> {
  const response = await stack.client.request('/api/workflows/odd', { method: 'DELETE' });
  expect(response.status).toBe(200);
}

async function label(labels: readonly string[]): Promise<void> {
  const init = { method: 'PATCH', headers: JSON_TYPE, body: JSON.stringify({ labels }) };
  expect((await stack.client.request('/api/instances/instance-1', init)).status).toBe(200);
}

const submit = async () =>
  (
    await stack.client.json('/api/async/odd', asyncAnswer, {
      method: 'POST',
      headers: JSON_TYPE,
      body: '{"inputs":{}}',
      status: 202,
    })
  ).job_id;

/** All that a server says about missing things. */
async function lacks({ client }: Pick<Stack, 'client'> = stack) {
  const { issues, comfyui_instances } = await client.json('/health', healthAnswer);
  const { instances } = await client.json('/api/instances', instancesAnswer);
  const { status } = await client.json('/status', statusAnswer);
  return {
    status,
    issues,
    missing: instances.map(({ missing }) => missing),
    nodes: comfyui_instances.instances.map(({ missing_nodes }) => missing_nodes),
  };
}

const NOTHING = { status: 'healthy', issues: [], missing: [{}], nodes: [undefined] };
const A100 = { issues: [ISSUE], missing: [{ odd: ['label a100'] }], nodes: [['label a100']] };

describe('a removed workflow that a machine cannot run', () => {
  it('is not reported as missing any more', async () => {
    await start(RARELY);
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    await remove();
    await eventually(async () => expect(await lacks()).toEqual(NOTHING));
  });

  it('is not either if its file is removed', async () => {
    await start(RARELY);
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    await files.remove('odd.json');
    await files.remove('odd.yaml');
    await eventually(async () => expect(await lacks()).toEqual(NOTHING));
  });

  it('is not either by a machine that is down', async () => {
    await start(RARELY);
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    await stack.simulator().stop();
    await stack.client.request('/api/circuit-breakers/instance-1/close', { method: 'POST' });
    await eventually(() => expect(stack.services.instances[0]?.health.isUp).toBe(false));
    await remove();
    await eventually(() => expect(stack.services.instances[0]?.missingNodes).toEqual([]));
  });

  it('is reported while its jobs wait, and they run once the machine has it', async () => {
    await start(RARELY);
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    const id = await submit();
    await remove();
    await stack.services.needs.settled();
    expect(await lacks()).toMatchObject(A100);
    await label(['a100']);
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    await label([]);
    await stack.services.needs.settled();
    expect(await lacks()).toEqual(NOTHING);
  });

  it('is reported until its last job has ended', async () => {
    await start();
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    const id = await submit();
    await remove();
    await stack.services.needs.settled();
    expect(await lacks()).toMatchObject(A100);
    await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    await eventually(async () => expect(await lacks()).toEqual(NOTHING));
  });

  it('can be stored again, and is then checked like a new one', async () => {
    await start(RARELY);
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    await remove();
    await store(samplerGraph());
    await eventually(async () => expect(await lacks()).toMatchObject(A100));
    await remove();
    await store(samplerGraph(), { outputs: LACKING.outputs });
    await eventually(async () => expect(await lacks()).toEqual(NOTHING));
    const init = { method: 'POST', headers: JSON_TYPE, body: '{"inputs":{}}' };
    await stack.client.json('/api/odd', anySyncAnswer, init);
  });

  it('is not reported by any server that shares the workflows', async () => {
    site = await RedisSite.open();
    files = await WorkflowFiles.create();
    const env = { WORKFLOWS_DIR: files.directory };
    stack = await site.start({ env });
    const other = await site.start({ env });
    await store(samplerGraph());
    for (const one of [stack, other])
      await eventually(async () => expect(await lacks(one)).toMatchObject(A100));
    const id = await submit();
    await remove();
    await eventually(async () => expect((await other.client.request('/api/workflows/odd')).status).toBe(404));
    await other.services.needs.settled();
    for (const one of [stack, other]) expect(await lacks(one)).toMatchObject(A100);
    await other.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    for (const one of [stack, other]) await eventually(async () => expect(await lacks(one)).toEqual(NOTHING));
  });
});
