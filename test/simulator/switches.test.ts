import type { Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressOf, startControl } from '../../src/simulator/control.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import type { MischiefName } from '../../src/simulator/mischief.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { cutOut, entryOf, outputOf, run } from './graphs.js';
import { call, FrameRecorder } from './recorder.js';
import { upload } from './upload.js';

const IMAGE = 'slot.png';

let simulator: Simulator;
let socket: FrameRecorder;
let control: Server;
beforeEach(async () => {
  simulator = await startSimulator();
  control = await startControl(simulator, 0, '127.0.0.1');
  socket = await FrameRecorder.open(simulator, 'me');
  await upload(simulator, { name: IMAGE, bytes: await png() });
});
afterEach(async () => {
  control.close();
  await simulator.stop();
});

let jobs = 0;
const job = () => {
  jobs += 1;
  return cutOut(IMAGE, { job: `job ${jobs}` });
};
const misbehave = async (name: MischiefName, more: Readonly<Record<string, unknown>> = {}) => {
  const body = JSON.stringify({ name, ...more });
  const answer = await fetch(`http://${addressOf(control)}/`, { method: 'POST', body });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
};
const failureOf = (id: string) => {
  const error = socket.of(id).find(({ type }) => type === 'execution_error')?.data;
  return error && [error['node_type'], error['exception_type'], error['exception_message']];
};

describe('a switch', () => {
  it('breaks the GPU until a restart', async () => {
    await misbehave('GPU broken');
    const message = 'CUDA error: an illegal memory access was encountered\n';
    const first = await run(simulator, socket, job());
    expect(failureOf(first)).toEqual(['InspyrenetRembg', 'RuntimeError', message]);
    simulator.faults.gpuFails = false;
    expect(failureOf(await run(simulator, socket, job()))).toEqual([
      'InspyrenetRembg',
      'RuntimeError',
      message,
    ]);
    await simulator.behave();
    socket = await FrameRecorder.open(simulator, 'me');
    expect(failureOf(await run(simulator, socket, job()))).toBeUndefined();
  });

  it('lets every other prompt fail with an error of the GPU that passes', async () => {
    await misbehave('GPU fails every other prompt');
    const failures: unknown[] = [];
    for (let n = 0; n < 4; n += 1) {
      simulator.folders.write(
        { type: 'input', subfolder: '', filename: IMAGE },
        await png({ width: 48 + n }),
      );
      failures.push(failureOf(await run(simulator, socket, job()))?.[2]);
    }
    const message = 'cuDNN error: CUDNN_STATUS_EXECUTION_FAILED\n';
    expect(failures).toEqual([undefined, message, undefined, message]);
  });

  it.each([
    ['disk full', '[Errno 28] No space left on device\n'],
    ['disk broken', '[Errno 5] Input/output error\n'],
  ] as const)('lets the saver fail: %s', async (name, message) => {
    await misbehave(name);
    expect(failureOf(await run(simulator, socket, job()))).toEqual(['PreviewImage', 'OSError', message]);
  });

  it('blocks a branch, so that a prompt succeeds with no output', async () => {
    await misbehave('branch blocked');
    const id = await run(simulator, socket, job());
    expect(failureOf(id)?.slice(0, 2)).toEqual(['PreviewImage', 'ExecutionBlocked']);
    expect(await entryOf(simulator, id)).toMatchObject({ outputs: {}, status: { status_str: 'success' } });
  });

  it.each([
    ['odd output first', [false, true]],
    ['odd output last', [true, false]],
    ['odd output alone', [false]],
  ] as const)('has an item without a file: %s', async (name, hasFile) => {
    await misbehave(name);
    const images = outputOf(socket, await run(simulator, socket, job()))['images'];
    expect(images?.map((item) => 'filename' in (item as object))).toEqual(hasFile);
  });

  it('refuses bodies that are as long as an image', async () => {
    await misbehave('small upload limit');
    expect((await upload(simulator, { name: 'b.png', bytes: await png() })).status).toBe(413);
    expect((await call(simulator, 'POST', '/interrupt', { prompt_id: 'x' })).status).toBe(200);
  });

  it('lets others submit, whose prompts count as nobody of ours', async () => {
    simulator.addStrangers(2, 0.05);
    const id = await run(simulator, socket, job());
    expect(simulator.queueRemaining).toBe(0);
    expect(simulator.executions).toEqual([id]);
    expect(simulator.promptIds).toEqual([id]);
    expect(simulator.historyIds).toEqual([...simulator.strangerIds, id]);
    expect(simulator.folders.names('output')).toEqual(['ComfyUI_00001_.png', 'ComfyUI_00002_.png']);
    expect(await misbehave('prompts of others')).toMatchObject({ executions: [id], strangers: 5 });
  });

  it('lets others stop what runs', async () => {
    simulator.faults.hang = true;
    await misbehave('interrupted by others', { at: 'running', output: 'InspyrenetRembg' });
    const id = await run(simulator, socket, job());
    expect(socket.types(id)).toContain('execution_interrupted');
  });

  it('deletes files', async () => {
    await run(simulator, socket, job());
    expect(simulator.folders.names('temp')).toHaveLength(1);
    await misbehave('files deleted');
    expect(simulator.folders.names('temp')).toEqual([]);
    expect(simulator.folders.names('input')).toEqual([IMAGE]);
  });
});

describe("Python's lock", () => {
  it('lets nothing out while it is held, and then all of it', async () => {
    simulator.lock.hold(3_600_000);
    let isAnswered = false;
    const answer = call(simulator, 'POST', '/prompt', { prompt: job(), client_id: 'me' }).then((one) => {
      isAnswered = true;
      return one;
    });
    let isOpen = false;
    const opened = FrameRecorder.open(simulator, 'late').then((late) => {
      isOpen = true;
      return late;
    });
    const ponged = socket.ping().then(() => 'pong');
    const none = new Promise((resolve) => setTimeout(resolve, 150, 'nothing'));
    expect(await Promise.race([ponged, answer, opened, none])).toBe('nothing');
    expect([isAnswered, isOpen]).toEqual([false, false]);
    simulator.lock.release();
    expect(await ponged).toBe('pong');
    await opened;
    const { prompt_id } = (await answer).json as { prompt_id: string };
    await socket.ended(prompt_id);
  });

  it('holds up a running prompt, whose messages come when it is let go', async () => {
    await misbehave('Python lock held', { at: 'running' });
    const since = performance.now();
    const id = await run(simulator, socket, job());
    expect(performance.now() - since).toBeGreaterThan(1400);
    expect(socket.types(id).at(-2)).toBe('execution_success');
  });
});

describe('a trap', () => {
  it.each(['InspyrenetRembg', 'of-mine', 'chosen'])(
    'recognises a prompt by %s, until its file is fetched',
    async (output) => {
      const mine = cutOut(IMAGE, { job: 'of-mine' });
      await misbehave('result file gone', { at: 'view', output });
      const other = await run(simulator, socket, {
        '1': mine['1'],
        '3': { ...mine['3'], inputs: { images: ['1', 0] } },
      });
      const id = await run(simulator, socket, mine, { prompt_id: 'chosen-id' });
      const fetched = async (prompt: string) => {
        const place = outputOf(socket, prompt)['images']?.[0] as Record<string, string>;
        return (await call(simulator, 'GET', `/view?${new URLSearchParams(place)}`)).status;
      };
      expect([await fetched(other), await fetched(id), await fetched(id)]).toEqual([200, 404, 404]);
      await eventually(() => expect(simulator.traps.sprung?.name).toBe('result file gone'));
    },
  );
});
