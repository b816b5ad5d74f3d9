/** As `nativeRecordings.test.ts`: recordings with several prompts, several sockets, and requests without any. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { type NativeReplay, replay } from '../support/NativeReplay.js';
import { png } from '../support/pictures.js';
import { expectSame } from '../support/recordedMessages.js';

const image = (await png()).toString('base64');
const sleep = (seconds: number) => ({
  '1': { class_type: 'ETN_LoadImageBase64', inputs: { image } },
  '2': { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: `slow-${seconds}` } },
});
const ACCEPTED = '200 prompt_id,number,node_errors';

/** Removes queue lengths, which are sent on every change, and merges the steps of a node. */
function brief(heard: readonly string[]): string[] {
  const isStep = (kind: string | undefined) => kind === 'progress' || kind === 'progress_state';
  return heard
    .filter((kind) => kind !== 'status')
    .filter((kind, n, all) => !(isStep(kind) && isStep(all[n - 1])));
}

const briefNode = (id: string) => ['progress_state', `executing ${id}`];
const start = ['execution_start', 'execution_cached'];
const whole = [...briefNode('1'), ...briefNode('2'), ...briefNode('3'), 'executed 3', 'progress_state'];
const good = ['execution_success', 'executing null'];
const stopped = ['execution_interrupted', 'executing null'];

/** Waits until a socket got the first step of the sleeping node. */
async function working(one: NativeReplay, name: string, id: string): Promise<void> {
  await one.socket(name).heard((kinds) => kinds.includes('progress'), id);
}

/** Opens sockets for a client until one is told immediately which node is running. */
async function connectAtWork(one: NativeReplay, name: string, clientId: string): Promise<void> {
  await eventually(async () => {
    await one.connect(name, clientId);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.heard(name).slice(0, 2)).toEqual(['status sid', 'executing 2']);
  });
}

async function inHistory(one: NativeReplay, id: string): Promise<void> {
  await eventually(async () => expect(await one.client.json(`/history/${id}`)).toHaveProperty([id]));
}

describe('recorded queues', () => {
  it('of prompts that are interrupted, by their id and without', async () => {
    const sides = await replay(async (one) => {
      const socket = await one.connect('A');
      const first = await one.submit('A', sleep(5.01));
      await working(one, 'A', first);
      await one.post('/interrupt', { prompt_id: 'not-this-one' });
      await one.post('/interrupt', { prompt_id: first });
      await socket.ended(first);
      await one.request(`/history/${first}`);
      const second = await one.submit('A', sleep(5.02));
      await working(one, 'A', second);
      await one.post('/interrupt');
      await socket.ended(second);
    });
    const { machine, server } = sides;
    expect(brief(machine.heard('A'))).toEqual([
      'status sid',
      ...[...start, ...briefNode('1'), ...briefNode('2'), 'progress_state', ...stopped],
      ...[...start, ...briefNode('2'), 'progress_state', ...stopped],
    ]);
    expect(brief(server.heard('A'))).toEqual(brief(machine.heard('A')));
    expect(machine.answers).toEqual([ACCEPTED, '200', '200', '200 prompt 0', ACCEPTED, '200']);
    expectSame(sides, []);
  });

  it('of prompts that are deleted while they wait', async () => {
    const sides = await replay(async (one) => {
      const socket = await one.connect('A');
      const running = await one.submit('A', sleep(1.01));
      await working(one, 'A', running);
      const [second, third] = [await one.submit('A', sleep(1.02)), await one.submit('A', sleep(1.03))];
      await one.post('/queue', { delete: [second] });
      await one.request('/queue');
      await one.post('/queue', { clear: true });
      await one.request('/queue');
      await socket.ended(running);
      for (const id of [second, third]) await one.request(`/history/${id}`);
      await one.post('/history', { delete: [running] });
      await one.request(`/history/${running}`);
    });
    const { machine, server } = sides;
    expect(brief(machine.heard('A'))).toEqual(['status sid', ...start, ...whole, ...good]);
    expect(brief(server.heard('A'))).toEqual(brief(machine.heard('A')));
    expect(machine.answers).toEqual([
      ...[ACCEPTED, ACCEPTED, ACCEPTED],
      ...['200', '200 queue_running,queue_pending', '200', '200 queue_running,queue_pending'],
      ...['200 {}', '200 {}', '200', '200 {}'],
    ]);
    expectSame(sides, []);
  });

  it('of two clients, each of which hears of its own prompts', async () => {
    const sides = await replay(async (one) => {
      const [a, b] = [await one.connect('A'), await one.connect('B')];
      const first = await one.submit('A', sleep(0.61));
      await working(one, 'A', first);
      const second = await one.submit('B', sleep(0.62));
      const third = await one.submit('A', sleep(0.63));
      await one.request('/queue');
      await one.request('/prompt');
      await Promise.all([a.ended(third), b.ended(second)]);
    });
    const { machine, server } = sides;
    const others = [...start, ...whole.slice(2), ...good];
    expect(brief(machine.heard('A'))).toEqual(['status sid', ...start, ...whole, ...good, ...others]);
    expect(brief(machine.heard('B'))).toEqual(['status sid', ...others]);
    for (const name of ['A', 'B']) {
      expect(brief(server.heard(name))).toEqual(brief(machine.heard(name)));
      // All clients get the length of the whole queue.
      for (const one of [machine, server]) {
        const lengths = one.messages.flatMap(({ data }) => JSON.stringify(data['status'] ?? []));
        expect(lengths).toContain('{"exec_info":{"queue_remaining":3}}');
      }
    }
    expect(machine.answers.slice(-2)).toEqual(['200 queue_running,queue_pending', '200 exec_info']);
    expectSame(sides, []);
  });
});

describe('recorded sockets', () => {
  it('of a client that comes late', async () => {
    const sides = await replay(async (one) => {
      one.simulator.faults.hang = true;
      const id = await one.submit('A', sleep(0.1));
      await connectAtWork(one, 'A', 'A');
      one.simulator.faults.hang = false;
      await one.socket('A').ended(id);
      await one.request(`/history/${id}`);
    });
    const { machine, server } = sides;
    expect(brief(machine.heard('A'))).toEqual([
      ...['status sid', 'executing 2', 'progress_state'],
      ...[...briefNode('3').slice(1), 'executed 3', 'progress_state', ...good],
    ]);
    expect(brief(server.heard('A'))).toEqual(brief(machine.heard('A')));
    expectSame(sides, []);
  });

  it('of a client whose connection is lost and that comes back, in time and too late', async () => {
    const sides = await replay(async (one) => {
      await one.connect('A1', 'A');
      const first = await one.submit('A', sleep(2.01));
      await working(one, 'A1', first);
      one.socket('A1').ws.terminate();
      await connectAtWork(one, 'A2', 'A');
      await one.socket('A2').ended(first);
      await one.socket('A2').close();
      await one.connect('A3', 'A');
      const second = await one.submit('A', sleep(0.31));
      await working(one, 'A3', second);
      one.socket('A3').ws.terminate();
      await inHistory(one, second);
      await one.connect('A4', 'A');
      await one.request(`/history/${second}`);
      // Ended prompts are not repeated.
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    const { machine, server } = sides;
    expect(brief(machine.heard('A2'))).toEqual([
      ...['status sid', 'executing 2', 'progress_state'],
      ...[...briefNode('3').slice(1), 'executed 3', 'progress_state', ...good],
    ]);
    expect(brief(machine.heard('A3')).slice(0, 5)).toEqual(['status sid', ...start, ...briefNode('2')]);
    expect(machine.heard('A4')).toEqual(['status sid']);
    expect(brief(server.heard('A2'))).toEqual(brief(machine.heard('A2')));
    expect(server.heard('A4')).toEqual(machine.heard('A4'));
    expectSame(sides, []);
  });

  it('of two with the same client id, of which the first is closed', async () => {
    const sides = await replay(async (one) => {
      const first = await one.connect('first', 'A');
      const second = await one.connect('second', 'A');
      await second.ended(await one.submit('A', sleep(0.2)));
      await first.close();
      const unheard = await one.submit('A', sleep(0.21));
      await inHistory(one, unheard);
    });
    const { machine, server } = sides;
    const heard = ['status sid', ...start, ...whole, ...good];
    expect(machine.heard('first')).toEqual(['status sid']);
    expect(server.heard('first')).toEqual(['status sid']);
    // The first socket gets no more messages.
    expect(brief(machine.heard('second'))).toEqual(heard);
    // This is a fault of ComfyUI, and no client depends on it.
    await eventually(() =>
      expect(brief(server.heard('second'))).toEqual([...heard, ...start, ...whole.slice(2), ...good]),
    );
    expectSame(sides, []);
  });
});
