import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ComfyApiClient, type ComfyJob } from '../support/comfyApi.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let api: ComfyApiClient;
beforeEach(async () => {
  stack = await Stack.start({ simulators: [{}, {}] });
  api = new ComfyApiClient(stack.client.baseUrl);
});
afterEach(() => stack.stop());

const saved = (filename_prefix: string) => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix } },
});

async function ended(prefix: string): Promise<ComfyJob> {
  const { id } = await api.submit(saved(prefix));
  return api.ended(id);
}

/** The machines' states and failed requests, and the number of executions on all of them. */
async function traces(): Promise<unknown> {
  const states = stack.services.fleet.instances.map(({ health, breaker }) => [health.isUp, breaker.state]);
  return { states, executions: stack.simulators.reduce((sum, { executions }) => sum + executions.length, 0) };
}

describe('a name that ComfyUI would write, but not hand out', () => {
  it.each([
    ['draft..final', 'draft.final_00001_.png'],
    ['a..b/c/../d....e', 'd.e_00001_.png'],
    ['..', '._00001_.png'],
  ])('is changed: %s', async (prefix, name) => {
    const job = await ended(prefix);
    expect(job).toMatchObject({ status: 'succeeded', outputs: [{ name }] });
    expect(await traces()).toMatchObject({ executions: 1 });
  });

  it.each(['x', 'ü'])('is cut if the mark makes it too long: %s', async (letter) => {
    // Names in responses are shorter anyway.
    const name = expect.stringMatching(new RegExp(`^${letter}{50,}_00001_\\.png$`));
    const job = await ended(letter.repeat(240 / Buffer.byteLength(letter)));
    expect(job).toMatchObject({ status: 'succeeded', outputs: [{ name }] });
  });

  it('stays as it is otherwise', async () => {
    const name = `${'x'.repeat(80)}.y.`;
    expect(await ended(`a..b/.c/${name}`)).toMatchObject({ outputs: [{ name: `${name}_00001_.png` }] });
  });

  it('is refused by ComfyUI itself if it leads out of the folder', async () => {
    const job = await ended('../draft');
    expect(job).toMatchObject({ status: 'failed' });
    expect(JSON.stringify(job.error)).toContain('outside the output folder');
  });
});

describe('a result outside of the folders', () => {
  it('is the fault of the prompt: no other execution, no unhealthy machine', async () => {
    for (const { faults } of stack.simulators) faults.oddOutputs = 'outside';
    const jobs = await Promise.all(Array.from({ length: 6 }, () => ended('x')));
    for (const { status, error } of jobs) {
      expect(status).toBe('failed');
      expect(JSON.stringify(error)).toContain('does not hand out the result file');
      expect(JSON.stringify(error)).not.toContain('127.0.0.1');
    }
    const closed = [true, 'CLOSED'];
    expect(await traces()).toEqual({ states: [closed, closed], executions: 6 });
    for (const { faults } of stack.simulators) faults.oddOutputs = undefined;
    await stack.client.process('remove-background', await png());
  });
});
