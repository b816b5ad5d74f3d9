/** `number` and `front` of a prompt, and their limits for API keys. */
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { NativeClient } from '../support/NativeClient.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

const KEYS = { user: 'user'.padEnd(24, 'u'), admin: 'admin'.padEnd(24, 'a') };
const PROMPT = {
  '1': { class_type: 'ETN_LoadImageBase64', inputs: { image: (await png()).toString('base64') } },
  '2': { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } },
};

/** Returns a prompt that differs from the others. */
const prompt = (name: string) => ({
  ...PROMPT,
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: name } },
});

const ENV = { COMFYUI_API_PORT: '0', MAX_JOBS_PER_INSTANCE: '1', COMFYUI_KEEP_HISTORY: 'true' };

/** Starts a server with a machine that is busy until its fault is cleared. */
async function start(env: Readonly<Record<string, string>> = {}, key?: string): Promise<NativeClient> {
  stack = await Stack.start({ env: { ...ENV, ...env } });
  const client = clientOf(key);
  stack.simulator().faults.hang = true;
  await client.submit({ prompt: prompt('busy') });
  await eventually(() => expect(stack.simulator().promptIds).toHaveLength(1));
  return client;
}

const clientOf = (key?: string) =>
  new NativeClient(stack.nativeHost, key === undefined ? {} : { 'X-API-Key': key });

/** Returns the names of the prompts in the order of execution. */
async function order(names: readonly string[]): Promise<string[]> {
  stack.simulator().faults.hang = false;
  const machine = new NativeClient(stack.simulator().host);
  let ended: string[] = [];
  await eventually(async () => {
    ended = Object.values(await machine.json('/history')).map((entry) => JSON.stringify(entry));
    expect(ended).toHaveLength(names.length + 1);
  });
  return ended.slice(1).map((entry) => names.find((name) => entry.includes(name)) ?? entry);
}

it('a prompt that is to be in front goes before those that wait, as does one with a negative number', async () => {
  const client = await start();
  const submit = async (name: string, more: object = {}) =>
    (await client.submit({ prompt: prompt(name), prompt_id: name, ...more })).json.number;
  expect(await submit('usual')).toBe(1);
  expect(await submit('counted', { number: 7 })).toBe(7);
  expect(await submit('in front', { front: 1 })).toBe(-3);
  expect(await submit('negative', { number: -1.5 })).toBe(-1.5);
  const { queue_pending } = await client.json('/queue');
  const names = ['in front', 'negative', 'usual', 'counted'];
  expect(queue_pending.map(([, id]: [number, string]) => id)).toEqual(names);
  expect(await order(names)).toEqual(names);
});

it('no prompt goes before others by more than its key may', async () => {
  const keys = { API_KEYS: `u:${KEYS.user},a:admin:${KEYS.admin}`, ALLOW_RAW_WORKFLOWS: 'all' };
  const admin = await start({ ...keys, MAX_PRIORITY: '2' }, KEYS.admin);
  const user = clientOf(KEYS.user);
  const names = ['front of the admin', 'of the admin', 'front of the user', 'of the user'];
  const submitV2 = async (name: string, key: string, priority: number) => {
    const body = { workflow: prompt(name), priority };
    const headers = { 'X-API-Key': key, 'Content-Type': 'application/json' };
    const answer = await stack.client.request('/api/v2/jobs', {
      method: 'POST',
      body: JSON.stringify(body),
      headers,
    });
    expect(answer.status).toBe(201);
  };
  await submitV2('of the user', KEYS.user, 10);
  await user.submit({ prompt: prompt('front of the user'), front: true });
  await submitV2('of the admin', KEYS.admin, 3);
  await admin.submit({ prompt: prompt('front of the admin'), front: true });
  expect(await order(names)).toEqual([
    'front of the admin',
    'of the admin',
    'of the user',
    'front of the user',
  ]);
});

it('a number may be written in all ways in which ComfyUI reads it', async () => {
  const client = await start();
  const numberOf = async (number: string) => {
    const body = `{"prompt":${JSON.stringify(prompt('any'))},"number":${number}}`;
    return (await client.post('/prompt', body)).json.number;
  };
  const written = ['-1.0', '7.0', '-1e0', '1.5E1', '"-1"', '" 2.50 "', 'true', '12345678901234567890'];
  const numbers: unknown[] = [];
  for (const one of written) numbers.push(await numberOf(one));
  expect(numbers).toEqual([-1, 7, -1, 15, -1, 2.5, 1, 12345678901234567000]);
  // Those that are no numbers are ignored.
  const counted: unknown[] = [];
  for (const one of ['"first"', '""', 'null', 'NaN', '1e999', '[1]']) counted.push(await numberOf(one));
  expect(counted).toEqual([9, 10, 11, 12, 13, 14]);
  const { queue_pending } = await client.json('/queue');
  expect(queue_pending.slice(0, 3).map(([number]: [number]) => number)).toEqual([-1, -1, -1]);
});
