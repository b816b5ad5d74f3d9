/** ComfyUI's own API with several servers: the client's server accepts the prompts, and the other one runs them. */
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NativeClient, type NativeMessage, type NativeSocket } from '../support/NativeClient.js';
import { type Image, run, save } from '../support/nativeRuns.js';
import { colourOf, distance, middle, png, type Rgb } from '../support/pictures.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

const ENV = { COMFYUI_API_PORT: '0' };
const BEFORE = colourOf(1);
const AFTER = colourOf(4);

describe.runIf(requireRedis())('a prompt, with several servers,', { timeout: 90_000 }, () => {
  let site: RedisSite;
  let stack: Stack;
  let other: Stack;
  let client: NativeClient;
  beforeEach(async () => {
    site = await RedisSite.open();
    [stack, other] = await Promise.all([site.start({ env: ENV }), site.start({ env: ENV })]);
    client = new NativeClient(stack.nativeHost);
    // From now on the other server runs all prompts.
    await stack.services.processor.stop(0, 0);
    await client.upload('before.png', await picture(BEFORE));
    await client.upload('after.png', await picture(AFTER));
  });
  afterEach(async () => {
    client.close();
    await site.close();
  });

  const picture = (colour: Rgb) => png({ colour, background: colour });

  /** A prompt whose two files have the same name in different folders. */
  const twoFolders = {
    '1': { class_type: 'LoadImage', inputs: { image: 'before.png' } },
    '2': { class_type: 'LoadImage', inputs: { image: 'after.png' } },
    '3': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'before/pic' } },
    '4': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'after/pic' } },
    '5': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
  };

  /** Runs that prompt. @returns its files */
  async function files(): Promise<readonly [Image, Image, Image]> {
    const socket = await client.connect('folders');
    const { json } = await client.submit({ prompt: twoFolders, client_id: 'folders' });
    await socket.ended(json.prompt_id);
    return filesOf(socket, json.prompt_id);
  }

  /** The files of nodes 3 to 5 by the messages, after comparing the history. */
  async function filesOf(socket: NativeSocket, id: string): Promise<readonly [Image, Image, Image]> {
    const { [id]: entry } = await client.json(`/history/${id}`);
    const [three, four, five] = ['3', '4', '5'].map((node) => {
      const message = socket.of(id).find(({ type, data }) => type === 'executed' && data['node'] === node);
      const output = message?.data['output'] as { images: Image[] } | undefined;
      expect(entry.outputs[node]).toEqual(output);
      return output?.images[0];
    });
    if (!three || !four || !five) throw new Error('a file was not reported');
    return [three, four, five];
  }

  async function expectPicture(image: Image, colour: Rgb): Promise<void> {
    const { status, bytes } = await client.view(image);
    expect(status).toBe(200);
    expect(distance(await middle(bytes), colour)).toBeLessThan(4);
  }

  async function expectPictures([before, after, preview]: readonly [Image, Image, Image]): Promise<void> {
    await expectPicture(before, BEFORE);
    await expectPicture(after, AFTER);
    await expectPicture(preview, AFTER);
    const elsewhere: Partial<Image>[] = [{ subfolder: 'no/such' }, { subfolder: '' }, { type: 'temp' }];
    for (const one of elsewhere) expect((await client.view({ ...before, ...one })).status).toBe(404);
    expect((await client.view({ ...preview, type: 'output' })).status).toBe(404);
  }

  it('has its files where the machine has them, also after a restart', async () => {
    const made = await files();
    expect(made).toMatchObject([
      { subfolder: 'before', type: 'output' },
      { subfolder: 'after', type: 'output' },
      { subfolder: '', type: 'temp' },
    ]);
    expect(made[0].filename).toBe(made[1].filename);
    await expectPictures(made);
    client.close();
    await stack.stop();
    client = new NativeClient((await site.start({ env: ENV })).nativeHost);
    await expectPictures(made);
    const again = async (image: Image) => run(client, save(`${image.subfolder}/${image.filename} [output]`));
    await expectPicture((await again(made[0])).image, BEFORE);
    await expectPicture((await again(made[1])).image, AFTER);
    const nowhere = { ...made[0], subfolder: 'no/such' };
    await expect(again(nowhere)).rejects.toThrow('Invalid image file');
  });

  /** One line for what a client received of its prompt; none for anything else. */
  function shown(frame: NativeMessage | Buffer, promptId: string): string[] {
    if (Buffer.isBuffer(frame)) {
      const isText = frame.readUInt32BE(0) === 3;
      return [isText ? `text ${frame.subarray(8)}` : `image ${frame.readUInt32BE(4)}`];
    }
    const { type, data } = frame;
    if (typeof data !== 'object') return [`${type} ${data}`];
    const isOfPrompt = type !== 'status' && (data['prompt_id'] ?? promptId) === promptId;
    return isOfPrompt ? [`${type} ${data['node'] ?? ''} ${data['value'] ?? ''}`] : [];
  }

  /** A prompt that works on an image, shows the result as node 3, and sends it over the socket as node 4. */
  const worked = (image: string) => ({
    '1': { class_type: 'LoadImage', inputs: { image } },
    '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
    '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
    '4': { class_type: 'SaveImageWebsocket', inputs: { images: ['2', 0] } },
    '5': { class_type: 'SwarmSaveImageWS', inputs: { images: ['2', 0], bit_depth: 'raw' } },
    '6': { class_type: 'TellEverybody', inputs: { image: ['2', 0], text: 'hello' } },
  });

  it('has the messages and images of its machine, as on the server that runs it', async () => {
    const told = async (one: NativeClient, image: string) => {
      const socket = await one.connect('all');
      const { json } = await one.submit({ prompt: worked(image), client_id: 'all' });
      await socket.ended(json.prompt_id);
      return socket.frames.flatMap((frame) => shown(frame, json.prompt_id));
    };
    const there = new NativeClient(other.nativeHost);
    await there.upload('after.png', await picture(AFTER));
    const expected = await told(there, 'after.png');
    there.close();
    for (const one of [
      'execution_start  ',
      'progress_state  ',
      'image 2',
      'image 1',
      'progress  12345',
      'text 6hello',
      'my-node-feedback 6 ',
      'my-node-text hello',
      'executed 3 ',
      'execution_success  ',
    ]) {
      expect(expected).toContain(one);
    }
    expect(await told(client, 'before.png')).toEqual(expected);
  });

  it('succeeds if its images are only sent over the socket', async () => {
    const socket = await client.connect('images');
    const prompt = {
      '1': { class_type: 'LoadImage', inputs: { image: 'after.png' } },
      '2': { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
    };
    const { json } = await client.submit({ prompt, client_id: 'images' });
    await socket.ended(json.prompt_id);
    expect(socket.kinds(json.prompt_id)).toContain('execution_success');
    expect(socket.previews).toHaveLength(1);
    expect(distance(await middle(socket.previews[0]?.subarray(8) ?? Buffer.alloc(0)), AFTER)).toBeLessThan(4);
  });

  it('runs in the queue, and is interrupted', async () => {
    site.simulator.faults.hang = true;
    const socket = await client.connect('stop');
    const { json } = await client.submit({ prompt: worked('before.png'), client_id: 'stop' });
    const id: string = json.prompt_id;
    await socket.heard((kinds) => kinds.includes('executing 2'), id);
    const queue = await client.json('/queue');
    expect(queue.queue_pending).toEqual([]);
    expect(queue.queue_running.map((entry: unknown[]) => entry[1])).toEqual([id]);
    expect((await client.post('/interrupt', { prompt_id: id })).status).toBe(200);
    await socket.ended(id);
    expect(socket.kinds(id)).toContain('execution_interrupted');
    const { [id]: entry } = await client.json(`/history/${id}`);
    expect(entry.status).toMatchObject({ status_str: 'error', completed: false });
  });

  it('ends with its files if its server was disconnected from Redis meanwhile', async () => {
    site.simulator.faults.hang = true;
    const socket = await client.connect('cut');
    const { json } = await client.submit({ prompt: twoFolders, client_id: 'cut' });
    await socket.heard((kinds) => kinds.includes('execution_start'), json.prompt_id);
    const admin = new Redis(site.redis.port);
    const isOver = async () => (await other.services.manager.figures.counts()).byStatus.completed === 1;
    site.simulator.faults.hang = false;
    // No subscription lives long enough to hear of the end.
    while (!(await isOver())) await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    admin.disconnect();
    await socket.ended(json.prompt_id);
    expect(socket.kinds(json.prompt_id)).toContain('execution_success');
    expect((await client.json('/queue')).queue_running).toEqual([]);
    await expectPictures(await filesOf(socket, json.prompt_id));
  });
});
