/** Prompts on the port of ComfyUI's own API whose jobs get lost. */
import { afterEach, expect, it } from 'vitest';
import { NativeSite } from '../support/NativeSite.js';
import { save } from '../support/nativeRuns.js';
import { png } from '../support/pictures.js';

const site = new NativeSite();
afterEach(() => site.stop());

it('a prompt whose job is lost while it runs ends with the node that was running', async () => {
  const client = await site.start({ simulators: [{ workMs: { InspyrenetRembg: 60_000 } }] });
  await client.upload('photo.png', await png());
  const socket = await client.connect('c');
  const { json } = await client.submit({
    prompt: {
      ...save('photo.png'),
      '3': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
      '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
    },
    client_id: 'c',
  });
  const id = json.prompt_id;
  await socket.heard((kinds) => kinds.includes('executing 3'), id);
  // As when Redis loses its data.
  site.stack.services.manager.events.publish('removed', { id, why: 'deleted' });
  await socket.ended(id);
  const [end] = socket.of(id).filter(({ type }) => type === 'execution_interrupted');
  expect(end?.data).toMatchObject({ node_id: '3', node_type: 'InspyrenetRembg' });
  expect(await client.json(`/history/${id}`)).toEqual({});
});
