/** Times on the port of ComfyUI's own API: whole milliseconds, as in ComfyUI. */
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeSite } from '../support/NativeSite.js';

const site = new NativeSite();
afterEach(() => site.stop());

/** Each with another colour, so that no node comes from a cache. */
const cutOut = (color: number) => ({
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color } },
  '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
  '3': { class_type: 'PreviewImage', inputs: { images: ['2', 0] } },
});

/** All times in a value, by their names. */
function timesIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    /time/.test(name) && typeof inner === 'number' ? [inner] : timesIn(inner),
  );
}

it('are whole numbers, however a prompt ends', async () => {
  const client = await site.start({ simulators: [{ workMs: { InspyrenetRembg: 300 } }] });
  const socket = await client.connect('c');
  const submit = async (color: number): Promise<string> =>
    (await client.submit({ prompt: cutOut(color), client_id: 'c' })).json.prompt_id;
  const ended = [await submit(0)];
  await socket.ended(ended[0] ?? '');
  // The server writes the end of these itself.
  for (const color of [1, 2, 3]) {
    const id = await submit(color);
    await socket.heard((kinds) => kinds.includes('executing 2'), id);
    await client.post('/interrupt', { prompt_id: id });
    await socket.ended(id);
    ended.push(id);
  }
  await eventually(async () =>
    expect(Object.keys(await client.json('/history')).sort()).toEqual(ended.sort()),
  );
  const answers = [
    await client.json('/history'),
    await client.json('/api/jobs'),
    await client.json(`/api/jobs/${ended[0]}`),
    socket.messages,
  ];
  for (const answer of answers) {
    const times = timesIn(answer);
    expect(times.length).toBeGreaterThan(0);
    expect(times.filter((time) => !Number.isInteger(time))).toEqual([]);
  }
});
