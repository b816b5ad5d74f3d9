import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MiddlewareClient } from '../../src/client/index.js';
import { workflowsAnswer } from '../../src/schemas/workflows.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { sleep } from '../../src/utils/timers.js';
import { samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

const MANIFEST =
  'inputs: { seed: { node: "3", field: seed, kind: seed } }\noutputs: { image: { node: "9" } }\n';
/** A test that passes before the first check at the interval does not depend on it. */
const RARE = { HEALTH_CHECK_INTERVAL: '60000' };
const OBJECT_INFO = /^\/object_info/;

let folder: WorkflowFiles;
let stack: Stack;
beforeEach(async () => {
  folder = await WorkflowFiles.create();
});
afterEach(async () => {
  await stack.stop();
  await folder.delete();
});

async function start(simulators: readonly SimulatorOptions[], env: Readonly<Record<string, string>> = RARE) {
  stack = await Stack.start({ simulators, env: { ...env, WORKFLOWS_DIR: folder.directory } });
}

/** Which machines can run a workflow. */
async function capable(type: string): Promise<boolean[]> {
  const { workflows } = await stack.client.json('/api/workflows', workflowsAnswer);
  const found = workflows.find((workflow) => workflow.type === type);
  return found?.instances?.map(({ can_run }) => can_run) ?? [];
}

const listings = (index = 0) => stack.simulator(index).requests.get('GET /object_info') ?? 0;

/** Waits until a machine is asked for its node classes. */
async function asked(index = 0): Promise<void> {
  const before = listings(index);
  await eventually(() => expect(listings(index)).toBeGreaterThan(before));
}

/** Expects a value until every check that ran before has ended. */
async function expectForAWhile<T>(look: () => Promise<T>, value: T): Promise<void> {
  for (let times = 0; times < 30; times += 1) {
    expect(await look()).toEqual(value);
    await sleep(30);
  }
}

const put = (type: string, graph: Record<string, unknown>) =>
  new MiddlewareClient({ baseUrl: stack.client.baseUrl }).putWorkflow(type, { graph });

const INVERTED = {
  ...samplerGraph(),
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'ComfyUI', images: ['10', 0] } },
  '10': { class_type: 'ImageInvert', inputs: { image: ['8', 0] } },
};

describe('a workflow file', () => {
  it.each([
    ['with a manifest', { 'pick.yaml': MANIFEST }],
    ['without a manifest', {}],
  ])('%s is run by every equal machine from the start', async (_, manifest) => {
    for (const [name, text] of Object.entries({ 'pick.json': JSON.stringify(samplerGraph()), ...manifest }))
      await folder.copy(name, text);
    await start([{}, {}, {}, {}]);
    await eventually(async () => expect(await capable('pick')).toEqual([true, true, true, true]), 5000);
  });

  it('that is replaced while a machine comes up is run there soon', async () => {
    await folder.copy('pick.json', JSON.stringify(samplerGraph()));
    await start([{}, {}]);
    await eventually(async () => expect(await capable('pick')).toEqual([true, true]), 5000);
    const machine = stack.simulator(1);
    await machine.unplug();
    await eventually(async () => expect(await capable('pick')).toEqual([true, false]));
    machine.faults.spoil = { path: OBJECT_INFO, how: 'late', lateMs: 500, times: 4 };
    await Promise.all([asked(1), machine.plugIn()]);
    await put('pick', INVERTED);
    expect(await capable('pick')).toEqual([true, false]);
    await eventually(async () => expect(await capable('pick')).toEqual([true, true]), 5000);
  });

  it('that a machine cannot run stays so when an earlier check of the machine ends later', async () => {
    await folder.copy('pick.json', JSON.stringify(samplerGraph()));
    await start([{ withoutNodes: ['ImageInvert'] }], { HEALTH_CHECK_INTERVAL: '1000' });
    await eventually(async () => expect(await capable('pick')).toEqual([true]), 5000);
    const { faults } = stack.simulator();
    faults.spoil = { path: OBJECT_INFO, how: 'late', lateMs: 700, times: 1 };
    await asked();
    await put('pick', INVERTED);
    await put('other', INVERTED);
    await expectForAWhile(
      async () => [...(await capable('pick')), ...(await capable('other'))],
      [false, false],
    );
  });

  it('with labels stays off a machine that loses them while it is checked', async () => {
    await folder.copy('pick.json', JSON.stringify(samplerGraph()));
    await folder.copy('pick.yaml', `labels: [large]\n${MANIFEST}`);
    await start([{}], { HEALTH_CHECK_INTERVAL: '1000' });
    const label = (labels: readonly string[]) =>
      stack.client.request('/api/instances/instance-1', {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ labels }),
      });
    await label(['large']);
    await eventually(async () => expect(await capable('pick')).toEqual([true]), 5000);
    stack.simulator().faults.spoil = { path: OBJECT_INFO, how: 'late', lateMs: 700, times: 1 };
    await asked();
    await label([]);
    await expectForAWhile(() => capable('pick'), [false]);
  });
});
