import { afterEach, describe, expect, it } from 'vitest';
import { NativeClient } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
const clock = { passed: 0, now: () => Date.now() + clock.passed };

afterEach(async () => {
  clock.passed = 0;
  await stack.stop();
});

async function start(options: StackOptions): Promise<NativeClient> {
  stack = await Stack.start({ ...options, env: { COMFYUI_API_PORT: '0' }, overrides: { clock } });
  return new NativeClient(stack.nativeHost);
}

const SHOW = {
  '1': { class_type: 'LoadImage', inputs: { image: 'photo.png' } },
  '2': { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
};

/** Milliseconds after which the machines are asked again. */
const LATER = 61_000;

/** A machine's description of its nodes, with another one of one class. */
async function withClass(name: string, description: string): Promise<string> {
  const text = (await new NativeClient(stack.simulator().host).request('/object_info')).text;
  const classes = Object.entries(JSON.parse(text)).map(
    ([key, info]) => `${JSON.stringify(key)}: ${key === name ? description : JSON.stringify(info)}`,
  );
  return `{${classes.join(', ')}}`;
}

describe('the nodes of machines', () => {
  it('are listed as the machines describe them, in their order and with every digit', async () => {
    const client = await start({ simulators: [{ otherClasses: 300 }, { otherClasses: 301 }] });
    const [own, listed] = [new NativeClient(stack.simulator(1).host), client];
    const [machine, server] = [await own.request('/object_info'), await listed.request('/object_info')];
    expect(server.json).toEqual(machine.json);
    expect(Object.keys(server.json)).toEqual(Object.keys(machine.json));
    expect(server.type).toBe(machine.type);
    const one = (await listed.request('/object_info/Pack%20node%207')).text;
    expect(one).toContain('18446744073709551615');
    expect(server.text).toContain(one.slice(1, -1));
  });

  it('include the files of each client where they are chosen', async () => {
    const client = await start({ simulators: [{ otherClasses: 10 }] });
    const before = (await client.request('/object_info')).json;
    await client.upload('photo.png', await png());
    const { json: after } = await client.request('/object_info');
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const name of ['LoadImage', 'LoadImageMask']) {
      expect(after[name].input.required.image[0]).toEqual(['photo.png']);
      after[name] = before[name];
    }
    expect(after).toEqual(before);
  });

  it('are usable although the description of another one is unreadable', async () => {
    const client = await start({});
    const body = await withClass('ImageInvert', '{"input": [Infinity, nonsense]}');
    stack.simulator().faults.respond = { path: /^\/object_info$/, status: 200, body, times: 1 };
    await client.upload('photo.png', await png());
    const { status, json } = await client.submit({ prompt: SHOW });
    expect({ status, json }).toMatchObject({ status: 200, json: { node_errors: {} } });
    expect((await client.request('/object_info/SaveImage')).json).toHaveProperty('SaveImage.input');
  });

  it('are still known while a machine does not describe them for a moment', async () => {
    const client = await start({ simulators: [{ withoutNodes: ['ImageInvert'] }, {}] });
    expect((await client.request('/object_info/ImageInvert')).json).toHaveProperty('ImageInvert');
    for (const answer of [
      { status: 500, body: 'no' },
      { status: 200, body: '{"KSampler": {"input"' },
    ]) {
      stack.simulator(1).faults.respond = { path: /^\/object_info$/, times: 1, ...answer };
      clock.passed += LATER;
      expect((await client.request('/object_info/ImageInvert')).json).toHaveProperty('ImageInvert');
      expect(stack.simulator(1).faults.respond?.times ?? 0).toBe(0);
    }
  });

  it('are not said to be none if no machine describes them', async () => {
    const client = await start({});
    for (const ask of [() => client.request('/object_info'), () => client.submit({ prompt: SHOW })]) {
      stack.simulator().faults.respond = { path: /^\/object_info$/, status: 500, body: 'no', times: 1 };
      expect(await ask()).toMatchObject({ status: 503 });
    }
    expect(await client.request('/object_info')).toMatchObject({ status: 200 });
  });
});
