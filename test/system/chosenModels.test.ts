import { afterEach, describe, expect, it } from 'vitest';
import { instancesAnswer } from '../../src/schemas/instances.js';
import type { Simulator } from '../../src/simulator/index.js';
import { samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { Stack, type StackOptions } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

const OWN = 'v1-5-pruned-emaonly-fp16.safetensors';
const OTHER = 'other.safetensors';

let stack: Stack;
let files: WorkflowFiles;
afterEach(async () => {
  await stack.stop();
  await files.delete();
});

/** A manifest of a workflow whose clients choose the model. */
function manifest(model: string, others = ''): string {
  return `inputs:
  model: { node: "4", field: ckpt_name, ${model} }
  seed: { node: "3", field: seed, kind: seed }
outputs:
  image: { node: "9" }
${others}`;
}

const LISTED = manifest(`kind: choice, choices: [${OWN}, ${OTHER}, nowhere.safetensors]`);

async function start(text: string, { simulators = [], env }: StackOptions): Promise<void> {
  files = await WorkflowFiles.create({ 'pick.json': JSON.stringify(samplerGraph()), 'pick.yaml': text });
  stack = await Stack.start({
    simulators,
    env: { WORKFLOWS_DIR: files.directory, HEALTH_CHECK_INTERVAL: '60000', ...env },
  });
  await eventually(() =>
    expect(stack.services.instances.map(({ health }) => health.isUp && health.unchecked.size === 0)).toEqual(
      simulators.map(() => true),
    ),
  );
}

async function run(model?: string) {
  const response = await stack.client.request('/api/pick', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ inputs: model === undefined ? {} : { model } }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function label(n: number, labels: readonly string[]): Promise<void> {
  const response = await stack.client.request(`/api/instances/instance-${n + 1}`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ labels }),
  });
  expect(response.status).toBe(200);
  await stack.services.needs.settled();
}

const runsOf = (simulators: readonly Simulator[]) => simulators.map(({ promptIds }) => promptIds.length);

describe('a chosen model', () => {
  it('is used on the machines that have it', async () => {
    await start(LISTED, { simulators: [{ checkpoints: [OWN] }, { checkpoints: [OWN, OTHER] }] });
    const all = await Promise.all(Array.from({ length: 6 }, () => run(OTHER)));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(runsOf(stack.simulators)).toEqual([0, 6]);
  });

  it("counts for its workflow in the speed of a machine, and a client's graph for no workflow", async () => {
    await start(LISTED, { simulators: [{ checkpoints: [OWN, OTHER] }] });
    // The first job with a model loads it, which is not measured.
    for (const model of [OTHER, OTHER, OWN, OWN]) expect((await run(model)).status).toBe(200);
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ workflow: samplerGraph() });
    const response = await stack.client.request('/api/v2/jobs', { method: 'POST', headers, body });
    const { id } = (await response.json()) as { id: string };
    expect((await stack.client.finished(id.replace('job_', ''))).status).toBe('completed');
    const { instances } = await stack.client.json('/api/instances', instancesAnswer);
    const [speeds = {}] = instances.map((one) => one.seconds_by_workflow);
    expect(Object.keys(speeds).sort()).toEqual(['graph', 'pick']);
    expect(Object.values(speeds).every((seconds) => seconds > 0 && seconds < 30)).toBe(true);
  });

  it('is used on a machine that lacks the model of the graph', async () => {
    await start(LISTED, { simulators: [{ checkpoints: [OTHER] }, { checkpoints: [OWN] }] });
    expect((await run(OTHER)).status).toBe(200);
    expect((await run()).status).toBe(200);
    expect(runsOf(stack.simulators)).toEqual([1, 1]);
  });

  it('is among the choices if any machine has it', async () => {
    await start(manifest('kind: choice'), {
      simulators: [{ checkpoints: [OWN] }, { checkpoints: [OWN, OTHER] }],
    });
    await eventually(async () => {
      const response = await stack.client.request('/api/workflows/pick');
      expect(await response.json()).toMatchObject({
        inputs: [{ name: 'model', schema: { enum: [OWN, OTHER] } }, { name: 'seed' }],
      });
    });
    expect((await run(OTHER)).status).toBe(200);
    expect((await run('nowhere.safetensors')).status).toBe(400);
    expect(runsOf(stack.simulators)).toEqual([0, 1]);
  });

  it('that no machine has fails the job', async () => {
    await start(LISTED, { simulators: [{ checkpoints: [OWN] }, { checkpoints: [OTHER] }] });
    for (let n = 0; n < 2; n += 1) {
      const { status, body } = await run('nowhere.safetensors');
      expect(status).toBe(502);
      expect(body['error']).toContain('CheckpointLoaderSimple: nowhere.safetensors');
    }
    expect(runsOf(stack.simulators)).toEqual([0, 0]);
  });

  it('does not change which labels a machine must have', async () => {
    await start(`${LISTED}labels: [fast]\n`, {
      simulators: [{ checkpoints: [OWN, OTHER] }, { checkpoints: [OWN, OTHER] }],
    });
    await label(1, ['fast']);
    const all = await Promise.all(Array.from({ length: 4 }, () => run(OTHER)));
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(runsOf(stack.simulators)).toEqual([0, 4]);
    await label(1, []);
    await label(0, ['fast']);
    expect((await run(OTHER)).status).toBe(200);
    expect(runsOf(stack.simulators)).toEqual([1, 4]);
  });
});
