import { afterEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import type { SlotLeases } from '../../src/services/queue/SlotLeases.js';
import { startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { colourOf, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

/** A difference large enough for the scheduler. */
const WORK = { workMs: { InspyrenetRembg: 200 } };
const QUICK = { otherUsers: { settleMs: 5, lookMs: 20 } };

const submit = async (n: number) =>
  stack.client.submit('remove-background', await png({ colour: colourOf(n) }));

/** Prompts of other clients per machine, as in `/health`. */
async function othersOn(): Promise<Array<number | undefined>> {
  const { comfyui_instances } = await stack.client.json('/health', healthAnswer);
  return comfyui_instances.instances.map(({ prompts_of_others }) => prompts_of_others);
}

describe('prompts of other users on a machine', () => {
  it('are nothing that our jobs wait for while another machine has its turn', async () => {
    stack = await Stack.start({ simulators: [WORK, WORK], overrides: QUICK });
    stack.simulator(0).addStrangers(20, 5);
    await eventually(async () => expect(await othersOn()).toEqual([20, undefined]));
    const ids = await Promise.all([1, 2, 3, 4].map(submit));
    for (const id of ids) {
      const { host } = stack.simulator(1);
      expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', comfyui_instance: host });
    }
    expect(stack.simulator(0).promptIds).toEqual([]);
  });

  it('do not keep our jobs from the only machine', async () => {
    stack = await Stack.start({ overrides: QUICK });
    stack.simulator().occupy();
    await eventually(async () => expect(await othersOn()).toEqual([1]));
    const id = await submit(1);
    await eventually(() => expect(stack.simulator().promptIds).toHaveLength(1));
    stack.simulator().release();
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    await eventually(async () => expect(await othersOn()).toEqual([undefined]));
  });

  it('are told from our own', async () => {
    stack = await Stack.start({ overrides: QUICK });
    stack.simulator().faults.hang = true;
    await Promise.all([submit(1), submit(2)]);
    await eventually(() => expect(stack.simulator().promptIds).toHaveLength(2));
    stack.simulator().addStrangers(1, 0);
    await eventually(async () => expect(await othersOn()).not.toEqual([undefined]));
    expect(await othersOn()).toEqual([1]);
    stack.simulator().faults.hang = false;
    await stack.simulator().restart();
    await eventually(async () => expect(await othersOn()).toEqual([undefined]));
  });

  it('are not looked for where nobody else has any', async () => {
    stack = await Stack.start({ overrides: { ...QUICK, follow: { queueCheckMs: 60_000 } } });
    for (const n of [1, 2, 3])
      expect((await stack.client.finished(await submit(n))).status).toBe('completed');
    expect(stack.simulator().requests.get('GET /queue')).toBeUndefined();
  });
});

describe('prompts of another server of ours', () => {
  let other: Stack | undefined;
  afterEach(() => other?.stop());

  /** Leases of all servers, in which other servers hold so many slots of the machine. */
  const leases = (host: string, jobs: number): SlotLeases => ({
    acquire: async () => ({ release: () => undefined }),
    onReleased: () => () => undefined,
    used: () => new Map([[host, jobs]]),
  });

  it.each([
    ['that shares its jobs with this one are told from those of others', 1, 1],
    ['that does not are those of others', 0, 2],
  ])('%s', async (_, jobsOfOther, others) => {
    const machine = await startSimulator();
    const { host } = machine;
    const server = (jobs: number) =>
      Stack.start({
        simulators: [],
        env: { COMFYUI_HOST: host },
        overrides: { ...QUICK, slotLeases: leases(host, jobs) },
      });
    try {
      machine.faults.hang = true;
      other = await server(0);
      await other.client.submit('remove-background', await png());
      await eventually(() => expect(machine.promptIds).toHaveLength(1));
      stack = await server(jobsOfOther);
      machine.addStrangers(1, 0);
      await eventually(async () => expect(await othersOn()).toEqual([others]));
    } finally {
      machine.faults.hang = false;
      await machine.stop();
    }
  });
});
