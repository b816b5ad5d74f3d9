/** What nodes send without the id of their prompt, which ComfyUI sends to the client of the running prompt or to all clients. */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { NativeClient, NativeMessage, NativeSocket } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';

const site = new NativeSite();
afterEach(() => site.stop());

const ONE_SOCKET = { MAX_CONNECTIONS_PER_INSTANCE: '1', MAX_JOBS_PER_INSTANCE: '4' };
const FLAGS = JSON.stringify({
  type: 'feature_flags',
  data: { supports_preview_metadata: true, supports_progress_text_metadata: true },
});

/** A prompt whose nodes send everything, with a text and a colour to recognise it by. */
const telling = (text: string, color: number, seconds = 0) => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color } },
  '2': { class_type: 'SleepImage', inputs: { image: ['1', 0], seconds } },
  '3': { class_type: 'SaveImageWebsocket', inputs: { images: ['2', 0] } },
  '4': { class_type: 'SwarmSaveImageWS', inputs: { images: ['2', 0], bit_depth: '8bit' } },
  '5': { class_type: 'SwarmSaveImageWS', inputs: { images: ['2', 0], bit_depth: 'raw' } },
  '6': { class_type: 'SwarmSaveAnimationWS', inputs: { images: ['2', 0] } },
  '8': { class_type: 'TellEverybody', inputs: { image: ['2', 0], text } },
});

const OF_THE_SERVER = new Set(['status', 'feature_flags']);

const isUnnamed = ({ type, data }: NativeMessage) =>
  !OF_THE_SERVER.has(type) && (typeof data !== 'object' || !('prompt_id' in data));

/** What came without a prompt id, the steps of nodes, and all images and other frames, in order. */
function heard({ frames }: NativeSocket): string[] {
  return frames.flatMap((frame) => {
    if (!Buffer.isBuffer(frame)) {
      const isStep = frame.type === 'progress' && frame.data['node'] !== '2';
      if (isUnnamed(frame)) return [JSON.stringify(frame)];
      return isStep ? [`step of ${frame.data['node']}`] : [];
    }
    // The metadata of an image has the prompt's id.
    const isNamed = frame.readUInt32BE(0) === 4;
    return [
      isNamed ? `4 ${frame.subarray(8 + frame.readUInt32BE(4)).toString('hex')}` : frame.toString('hex'),
    ];
  });
}

/** A client of the machine itself. */
const machineOf = () => site.newClient(site.stack.simulator().host);

async function run(client: NativeClient, id: string, prompt: object, flags?: string): Promise<NativeSocket> {
  const socket = await client.connect(id);
  if (flags !== undefined) {
    socket.ws.send(flags);
    await eventually(() => expect(socket.messages.map(({ type }) => type)).toContain('feature_flags'));
  }
  const { json } = await client.submit({ prompt, client_id: id });
  await socket.ended(json.prompt_id);
  return socket;
}

describe('what nodes send without the id of their prompt', () => {
  it('reaches its client as from a machine, in the same order', async () => {
    const client = await site.start();
    const machine = machineOf();
    for (const flags of [undefined, FLAGS]) {
      const direct = heard(await run(machine, 'direct', telling('hello', 77), flags));
      const through = heard(await run(client, 'through', telling('hello', 77), flags));
      expect(direct).toContain(JSON.stringify({ type: 'progress', data: { value: 12346, max: 12346 } }));
      expect(direct).toContain(JSON.stringify({ type: 'my-node-text', data: 'hello' }));
      expect(direct).toContain(`0000000300000001${Buffer.from('8hello').toString('hex')}`);
      expect(through).toEqual(direct);
    }
    const said = { '1': { class_type: 'SwarmAddSaveMetadataWS', inputs: { key: 'said', value: 'this' } } };
    const text = heard(await run(machine, 'text', said));
    expect(text).toHaveLength(2);
    expect(heard(await run(client, 'text', said))).toEqual(text);
  });

  it('comes in the form that the server announces, whatever machines can do', async () => {
    const client = await site.start();
    site.stack.simulator().faults.moreFeatures = { supports_progress_text_metadata: true, extra: 1 };
    const { json } = await client.request('/features');
    expect(json).toMatchObject({ supports_progress_text_metadata: false, extra: 1 });
  });

  it('reaches nobody else if prompts of several clients share a socket', async () => {
    const client = await site.start({ env: ONE_SOCKET });
    const texts = ['one', 'two', 'three', 'four'];
    const sockets = await Promise.all(texts.map((text, n) => run(client, text, telling(text, n + 1, 0.05))));
    expect(new Set(site.stack.simulator().sockets.clientIds).size).toBe(1);
    for (const [n, text] of texts.entries()) {
      const alone = await run(machineOf(), 'alone', telling(text, n + 1, 0.05));
      const [socket] = sockets.splice(0, 1);
      expect(socket && heard(socket)).toEqual(heard(alone));
    }
  });

  /** Runs a prompt of another program that has no client id: its nodes' messages go to all sockets of the machine. */
  async function strangers(seconds: number): Promise<() => Promise<void>> {
    const machine = machineOf();
    const { json } = await machine.submit({ prompt: telling('secret', 0xabcdef, seconds) });
    return () =>
      eventually(async () =>
        expect(await machine.json(`/history/${json.prompt_id}`)).toHaveProperty(json.prompt_id),
      );
  }

  it('reaches nobody while a prompt of another program runs before that of a client', async () => {
    const client = await site.start({ env: ONE_SOCKET });
    const idle = await client.connect('idle');
    const socket = await client.connect('me');
    const over = await strangers(0.4);
    const { json } = await client.submit({ prompt: telling('mine', 5, 0.2), client_id: 'me' });
    await eventually(() => expect(site.stack.simulator().queueRemaining).toBe(2));
    await over();
    await socket.ended(json.prompt_id);
    expect(heard(socket)).toEqual(heard(await run(machineOf(), 'alone', telling('mine', 5, 0.2))));
    expect(heard(idle)).toEqual([]);
  });

  it('reaches nobody while a prompt of another program runs and the results of a client are fetched', async () => {
    const client = await site.start({ env: ONE_SOCKET });
    const socket = await client.connect('me');
    const saved = {
      ...telling('mine', 5, 0.3),
      '9': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
    };
    const { faults } = site.stack.simulator();
    faults.spoil = { path: /^\/view/, how: 'late', lateMs: 1500, times: 1 };
    const { json } = await client.submit({ prompt: saved, client_id: 'me' });
    await socket.heard((kinds) => kinds.includes('executing 2'), json.prompt_id);
    const over = await strangers(0);
    await socket.heard((kinds) => kinds.includes('executed 9'), json.prompt_id);
    await over();
    // The prompt has not ended for its client.
    expect(socket.kinds(json.prompt_id)).not.toContain('executing null');
    await socket.ended(json.prompt_id);
    expect(heard(socket)).toEqual(heard(await run(machineOf(), 'alone', saved)));
  });
});
