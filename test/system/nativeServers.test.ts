/** ComfyUI's own API with several servers: the client's server accepts the prompts, and the other one runs them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NativeClient } from '../support/NativeClient.js';
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
  let client: NativeClient;
  beforeEach(async () => {
    site = await RedisSite.open();
    [stack] = await Promise.all([site.start({ env: ENV }), site.start({ env: ENV })]);
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

  /** Runs that prompt. @returns the files of nodes 3 to 5 by the messages, after comparing the history */
  async function files(): Promise<readonly [Image, Image, Image]> {
    const socket = await client.connect('folders');
    const { json } = await client.submit({ prompt: twoFolders, client_id: 'folders' });
    await socket.ended(json.prompt_id);
    const { [json.prompt_id]: entry } = await client.json(`/history/${json.prompt_id}`);
    const [three, four, five] = ['3', '4', '5'].map((node) => {
      const message = socket
        .of(json.prompt_id)
        .find(({ type, data }) => type === 'executed' && data['node'] === node);
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
});
