import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { LeavePrompt } from '../../src/services/comfyui/LeavePrompt.js';
import { PromptRunner } from '../../src/services/comfyui/PromptRunner.js';
import { silentLogger } from '../../src/utils/logger.js';
import { GraphFile, graphOf } from '../../src/workflows/graph.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const LATER_MS = 600_000;

function client() {
  const [instance] = stack.services.instances;
  if (!instance) throw new Error('there is no instance');
  return instance.client;
}

/** A runner that soon gives up, and a prompt that runs for 30 s. */
async function newRun() {
  const timings = {
    quietPollMs: 50,
    lostPollMs: 20,
    heldMs: 50,
    queueCheckMs: 50,
    historyRetryMs: 5,
    historyPatienceMs: 50,
  };
  const options = {
    timings,
    maxOutputBytes: 1e9,
    keepHistory: false,
    stopTimeoutMs: 50,
    stopPatienceMs: 100,
  };
  const runner = new PromptRunner(stack.services.connections, options, silentLogger);
  const run = {
    graph: graphOf({
      '1': { class_type: 'LoadImage', inputs: { image: new GraphFile(await png(), 'png') } },
      '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
      '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
    }),
    outputNodes: ['3'],
    uploads: true,
    promptId: '6b1f0a4e-5a43-4c0e-9d7e-0d2f6f0a1b2c',
    limits: { executionMs: 60_000, queueMs: 0, canMove: () => false },
  } as const;
  const ignore = () => undefined;
  const machine = () => ({ onMessage: ignore, onPreview: ignore, onFrame: ignore });
  const nobody = { machine, onSubmitted: () => undefined, onProgress: () => undefined };
  return { runner, run, nobody };
}

describe('the name of an upload', () => {
  it('is kept while its prompt may still arrive, whose submission was not answered', async () => {
    stack = await Stack.start();
    stack.simulator().faults.respond = { path: /^\/prompt$/, status: 502, times: 1 };
    const id = await stack.client.submit('remove-background', await png());
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 2 });
    // The second attempt used another name.
    expect(client().uploadNames.take(Buffer.from('x')).name).toMatch(/-2\.png$/);
  });

  it('comes free some time after its machine was gone for longer than its prompt was taken back', async () => {
    stack = await Stack.start({ simulators: [{ workMs: { InspyrenetRembg: 30_000 } }] });
    const { runner, run, nobody } = await newRun();
    const cancelled = new AbortController();
    const result = runner.run(client(), run, nobody, cancelled.signal);
    const ended = expect(result).rejects.toThrow('cancelled');
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    await stack.simulator().unplug();
    cancelled.abort(new Error('cancelled'));
    await ended;
    await runner.stop(5000);
    expect(client().uploadNames.doubtfulPrompts(performance.now() + LATER_MS)).toEqual([run.promptId]);
  });
});

describe('a prompt on a machine that is away for longer than its prompt was taken back', () => {
  it('is taken back when the machine responds again', async () => {
    stack = await Stack.start({ simulators: [{ workMs: { InspyrenetRembg: 30_000 } }] });
    const { requests } = stack.simulator();
    const { runner, run, nobody } = await newRun();
    const cancelled = new AbortController();
    const ended = expect(runner.run(client(), run, nobody, cancelled.signal)).rejects.toThrow('cancelled');
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    await stack.simulator().unplug();
    cancelled.abort(new Error('cancelled'));
    await ended;
    await sleep(500);
    await stack.simulator().plugIn();
    expect(requests.get('POST /interrupt')).toBeUndefined();
    await runner.retryCleanup(client());
    await eventually(() => expect(requests.get('POST /interrupt')).toBe(1));
    await runner.stop(50);
  });
});

describe('a prompt that is to be continued', () => {
  it('is stopped if its job is cancelled just before', async () => {
    stack = await Stack.start({ simulators: [{ workMs: { InspyrenetRembg: 30_000 } }] });
    const { runner, run, nobody } = await newRun();
    const leaving = new AbortController();
    const left = expect(runner.run(client(), run, nobody, leaving.signal)).rejects.toThrow(LeavePrompt);
    await eventually(() => expect(stack.simulator().executions).toHaveLength(1));
    leaving.abort(new LeavePrompt());
    await left;
    const found = await runner.find(client(), run.promptId, new AbortController().signal);
    if (!found) throw new Error('the machine does not have it');
    const cancelled = AbortSignal.abort(new Error('cancelled'));
    await expect(runner.resume(found, run, nobody, cancelled)).rejects.toThrow('cancelled');
    expect(stack.simulator().requests.get('POST /interrupt')).toBe(1);
    await runner.stop(50);
  });
});
