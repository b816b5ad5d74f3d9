import sharp from 'sharp';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { jpeg } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const PATH = '/api/async/upscale-image';

let stack: Stack;
beforeEach(async () => {
  stack = await Stack.start({ env: { TRUST_PROXY: '1', MAX_QUEUE_SIZE: '100' } });
});
afterEach(() => stack.stop());

const withoutEnd = (file: Buffer) => file.subarray(0, -2);

/** A damaged file whose repair takes a while. */
async function slow(): Promise<Buffer> {
  const create = { width: 1600, height: 1600, channels: 3, background: '#456' } as const;
  return withoutEnd(await sharp({ create }).jpeg().toBuffer());
}

/** Sends a file from an address. @returns the status of the response */
async function send(file: Buffer, address: string, signal?: AbortSignal): Promise<number> {
  const headers = { 'X-Forwarded-For': address };
  return (await stack.client.post(PATH, file, { headers, ...(signal ? { signal } : {}) })).status;
}

it('damaged uploads of one client do not delay the repair of another one', async () => {
  const ended: string[] = [];
  const file = await slow();
  const note = (name: string) => (status: number) => ended.push(`${name} ${status}`);
  const first = send(file, '192.0.2.1').then(note('many'));
  const many = Array.from({ length: 5 }, () => send(file, '192.0.2.1').then(note('many')));
  await first;
  await send(withoutEnd(await jpeg()), '192.0.2.2').then(note('other'));
  // One that has begun, and one whose turn it was.
  expect(ended.indexOf('other 202')).toBeLessThanOrEqual(3);
  await Promise.all(many);
  expect(ended.filter((end) => end === 'many 202')).toHaveLength(6);
});

it('damaged uploads of a client that has gone are not repaired', async () => {
  const file = await slow();
  const gone = new AbortController();
  const many = Array.from({ length: 12 }, () => send(file, '192.0.2.1', gone.signal).catch(() => 0));
  // By then the others wait for their turn.
  expect(await Promise.race(many)).toBe(202);
  const ended: string[] = [];
  const note = (name: string) => () => ended.push(name);
  const others = Array.from({ length: 4 }, () => send(file, '192.0.2.2').then(note('other')));
  gone.abort();
  const own = send(withoutEnd(await jpeg()), '192.0.2.1').then(note('own'));
  await Promise.all([...others, own]);
  // Both clients take turns. Behind those of the client that has gone, it would be the last.
  expect(ended.indexOf('own')).toBeLessThan(4);
  expect((await Promise.all(many)).filter((status) => status === 0).length).toBeGreaterThan(6);
});
