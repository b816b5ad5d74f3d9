import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const slow = (ms: number) => ({ workMs: { InspyrenetRembg: ms, ImageUpscaleWithModel: ms } });

describe('following a prompt', () => {
  it('takes the end of a cached run, which may come before the answer to the submission', async () => {
    stack = await Stack.start({ overrides: { follow: { quietPollMs: 60_000 } } });
    const picture = await png();
    const first = await stack.client.process('remove-background', picture);
    for (let n = 0; n < 5; n += 1) {
      const again = await stack.client.process('remove-background', picture);
      expect(again.image.equals(first.image)).toBe(true);
    }
  });

  it('submits under the id of an open socket, and asks for no history when messages name the file', async () => {
    stack = await Stack.start({ overrides: { follow: { quietPollMs: 60_000 } } });
    await stack.client.process('upscale-image', await png());
    expect(stack.simulator().requests.get('GET /history')).toBeUndefined();
    expect(stack.simulator().requests.get('GET /queue')).toBeUndefined();
  });

  it('deletes the history entry, which holds the image, once it is there', async () => {
    stack = await Stack.start({ simulators: [{ historyDelayMs: 60 }] });
    await stack.client.process('remove-background', await png());
    await eventually(() => expect(stack.simulator().requests.get('POST /history')).toBe(1));
    expect(stack.simulator().historyIds).toEqual([]);
  });

  it('keeps the history entry where that is configured', async () => {
    stack = await Stack.start({ env: { COMFYUI_KEEP_HISTORY: 'true' } });
    await stack.client.process('remove-background', await png());
    await eventually(() => expect(stack.simulator().historyIds).toHaveLength(1));
    expect(stack.simulator().requests.get('POST /history')).toBeUndefined();
  });

  it('asks again for a history entry that is not there yet', async () => {
    stack = await Stack.start({ simulators: [{ historyDelayMs: 100 }] });
    stack.simulator().faults.refuseSockets = true;
    stack.simulator().sockets.drop();
    const { image } = await stack.client.process('remove-background', await png({ colour: colourOf(9) }));
    expect(distance(await middle(image), colourOf(9))).toBeLessThan(8);
  });

  it('replaces a socket that stays open and tells nothing', async () => {
    stack = await Stack.start({ simulators: [slow(20)] });
    const { faults } = stack.simulator();
    faults.muteSockets = true;
    await stack.client.process('remove-background', await png());
    faults.muteSockets = false;
    await eventually(() => {
      expect(stack.services.connections.stats()).toEqual({
        [stack.simulator().host]: { total: 1, connected: 1, in_use: 0 },
      });
    });
    const asked = stack.simulator().requests.get('GET /history');
    await stack.client.process('remove-background', await png({ colour: colourOf(3) }));
    expect(stack.simulator().requests.get('GET /history')).toBe(asked);
  });

  it('opens a lost socket again, under an id that was never used before', async () => {
    stack = await Stack.start({ overrides: { connections: { reconnectBaseMs: 20, reconnectMaxMs: 40 } } });
    const { sockets } = stack.simulator();
    for (let n = 1; n <= 5; n += 1) {
      await eventually(() => expect(sockets.size).toBe(1));
      expect(new Set(sockets.clientIds).size).toBe(n);
      sockets.drop();
      await eventually(() => expect(sockets.clientIds).toHaveLength(n + 1));
    }
  });

  it('follows eight prompts with one socket, and opens another for the ninth', async () => {
    stack = await Stack.start({ env: { MAX_JOBS_PER_INSTANCE: '10', MAX_CONCURRENT_JOBS: '10' } });
    const { sockets, host, promptIds } = stack.simulator();
    const { connections } = stack.services;
    await eventually(() => expect(sockets.size).toBe(1));
    // All of them wait behind the prompt of another client.
    stack.simulator().occupy();
    const picture = await png();
    const submit = () => stack.client.submit('remove-background', picture);
    const ids = await Promise.all(Array.from({ length: 8 }, submit));
    await eventually(() => expect(promptIds).toHaveLength(8));
    expect(connections.stats()[host]).toEqual({ total: 1, connected: 1, in_use: 1 });
    ids.push(await submit());
    await eventually(() => expect(promptIds).toHaveLength(9));
    expect(connections.stats()[host]).toEqual({ total: 2, connected: 2, in_use: 2 });
    stack.simulator().release();
    for (const id of ids)
      expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(new Set(sockets.clientIds).size).toBe(2);
  });

  it('does not take a result that is larger than is allowed', async () => {
    stack = await Stack.start({ env: { MAX_RESULT_SIZE: '200' } });
    const id = await stack.client.submit('upscale-image', await png());
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('larger than MAX_RESULT_SIZE'),
      attempts: 1,
    });
  });

  it('passes over messages that are broken, unknown, huge, or about somebody else', async () => {
    stack = await Stack.start({ simulators: [slow(150)] });
    const { sockets } = stack.simulator();
    const id = await stack.client.submit('remove-background', await png({ colour: colourOf(8) }));
    await stack.client.until(id, ({ status }) => status === 'processing');
    sockets.sendPreview(Buffer.from('not for us'));
    sockets.sendRaw('not JSON');
    sockets.sendRaw('[]');
    sockets.sendRaw('null');
    sockets.sendRaw('{"type":"from_the_future","data":{}}');
    sockets.sendRaw('{"type":"executing","data":{"node":null}}');
    sockets.sendRaw('{"type":"status","data":{"status":{"exec_info":{"queue_remaining":0}}}}');
    sockets.sendRaw('{"type":"execution_success","data":{"prompt_id":"another"}}');
    sockets.sendRaw('{"type":"execution_error","data":{"prompt_id":"another","exception_message":"x"}}');
    sockets.sendRaw('{"type":"executed","data":{"prompt_id":7,"node":"3"}}');
    sockets.sendRaw(JSON.stringify({ type: 'huge', data: 'x'.repeat(10_000_000) }));
    expect((await stack.client.finished(id)).status).toBe('completed');
    expect(distance(await middle(await stack.client.resultImage(id)), colourOf(8))).toBeLessThan(8);
  });

  it('looks a submission up whose answer was lost, and does not send it twice', async () => {
    stack = await Stack.start({ simulators: [slow(30)] });
    stack.simulator().faults.spoil = { path: /^\/prompt$/, how: 'reset', times: 1 };
    const { body } = await stack.client.process('remove-background', await png());
    expect(stack.simulator().promptIds).toEqual([body.result.prompt_id]);
    expect((await stack.client.status(body.job_id)).attempts).toBe(1);
  });

  it('gives its socket back at once, and soon asks no more, when the prompt never arrived', async () => {
    stack = await Stack.start();
    const { faults, requests } = stack.simulator();
    faults.respond = { path: /^\/prompt$/, status: 502, body: '<html>Bad Gateway</html>', times: 1 };
    await stack.client.process('remove-background', await png());
    const { connections } = stack.services;
    await eventually(() => expect(connections.stats()[stack.simulator().host]?.in_use).toBe(0));
    // It polled within its patience of a second, and then stopped.
    await eventually(async () => {
      const before = requests.get('GET /history');
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(requests.get('GET /history')).toBe(before);
    });
  });

  it('fetches the image again when a proxy answers in its place', async () => {
    stack = await Stack.start();
    const { faults, promptIds } = stack.simulator();
    faults.respond = { path: /^\/view$/, status: 502, body: '<html>Bad Gateway</html>', times: 2 };
    await stack.client.process('remove-background', await png());
    expect(promptIds).toHaveLength(1);
  });

  it('runs a prompt again whose result file is gone, past the cache', async () => {
    stack = await Stack.start();
    const picture = await png({ colour: colourOf(12) });
    await stack.client.process('remove-background', picture);
    const { faults, promptIds } = stack.simulator();
    faults.loseFiles = 1;
    const { image } = await stack.client.process('remove-background', picture);
    expect(promptIds).toHaveLength(3);
    expect(distance(await middle(image), colourOf(12))).toBeLessThan(8);
  });

  it('does not take something for a result that is no image', async () => {
    stack = await Stack.start();
    stack.simulator().faults.respond = { path: /^\/view$/, status: 200, body: 'soup', times: 3 };
    const id = await stack.client.submit('remove-background', await png());
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'failed',
      error_code: 'WORKFLOW_FAILED',
      error_details: { category: 'result_missing' },
      attempts: 3,
    });
  });

  it('takes the progress from the nodes and their steps, with the name of the one at work', async () => {
    const seen: string[] = [];
    stack = await Stack.start({ simulators: [slow(40)] });
    stack.services.manager.events.subscribe('changed', (job) => {
      if (job.status === 'processing') seen.push(`${job.currentNode ?? '-'} ${job.progress}`);
    });
    await stack.client.process('upscale-image', await png());
    // Four nodes; the third takes four steps.
    expect([...new Set(seen)]).toEqual([
      '- 0',
      'UpscaleModelLoader 0',
      '- 25',
      'LoadImage 25',
      '- 50',
      'ImageUpscaleWithModel 50',
      'ImageUpscaleWithModel 56',
      'ImageUpscaleWithModel 62',
      'ImageUpscaleWithModel 68',
      'ImageUpscaleWithModel 75',
      '- 75',
      'PreviewImage 75',
      '- 99',
    ]);
  });

  it('sends an upload that needs nothing byte for byte inside the prompt, where uploads are not allowed', async () => {
    stack = await Stack.start({ env: { COMFYUI_KEEP_HISTORY: 'true', COMFYUI_IMAGE_INPUT: 'base64' } });
    const picture = await sharp(await png())
      .png({ compressionLevel: 1 })
      .toBuffer();
    await stack.client.process('upscale-image', picture);
    await eventually(() => expect(stack.simulator().historyIds).toHaveLength(1));
    const answer = await fetch(`http://${stack.simulator().host}/history/${stack.simulator().historyIds[0]}`);
    expect(await answer.text()).toContain(picture.toString('base64'));
  });
});
