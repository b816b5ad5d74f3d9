/** Machines' messages that one server sends to another one over Redis. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MachinePreview } from '../../src/services/comfyui/machineMessages.js';
import { parseFrame } from '../../src/services/comfyui/protocol.js';
import { type RelayedMessage, readRelayed, relayTo } from '../../src/services/jobs/relayedMessages.js';
import type { RedisQueue } from '../../src/services/queue/redis/createRedisQueue.js';
import { eventually } from '../support/eventually.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { startQueue, startTwo } from '../support/redisServers.js';

const MIB = 1024 * 1024;

describe.runIf(requireRedis())('messages of machines, between servers,', { timeout: 60_000 }, () => {
  let redis: RedisServer;
  let here: RedisQueue;
  let there: RedisQueue;
  let third: RedisQueue;
  let stop: () => Promise<void>;
  let heard: RelayedMessage[];
  let lost: number;
  beforeEach(async () => {
    redis = await RedisServer.start();
    const two = await startTwo(redis.url);
    ({ here, there } = two);
    third = await startQueue(redis.url, two.prefix);
    stop = async () => {
      await Promise.all([two.stop(), third.stop()]);
    };
    heard = [];
    there.messageRelay.subscribe((bytes) => heard.push(...read(bytes)));
    lost = 0;
  });
  afterEach(async () => {
    redis.resume();
    await stop();
    await redis.stop();
  });

  function message(value: number | string) {
    const text = `{"type":"told","data":{"value":${value},"prompt_id":"p"}}`;
    const frame = parseFrame(text);
    if (frame.kind !== 'ignored' || !frame.raw) throw new Error('it is no message of a prompt');
    return frame.raw;
  }

  const preview = (mimeType: string, size: number, metadata?: MachinePreview['metadata']) => ({
    promptId: 'p',
    mimeType,
    image: Buffer.alloc(size, 7),
    metadata,
  });

  function read(bytes: Buffer): RelayedMessage[] {
    const message = readRelayed(bytes);
    return message ? [message] : [];
  }

  function machine() {
    const { server } = there.messageRelay;
    const onLost = () => {
      lost += 1;
    };
    return relayTo(here.messageRelay, { server, jobId: 'job', mark: 'mark', onLost });
  }

  const kinds = () =>
    heard.map(({ said }) => {
      if (said.kind === 'preview') return said.preview.mimeType;
      return said.kind === 'frame' ? said.frame.bytes.length : said.message.data['value'];
    });

  it('arrive unchanged, in order, and at that server only', async () => {
    const others: RelayedMessage[] = [];
    for (const queue of [here, third]) queue.messageRelay.subscribe((bytes) => others.push(...read(bytes)));
    const data = { node_id: '2', prompt_id: 'p', image_type: 'image/jpeg', step: null };
    const metadata = { data, text: JSON.stringify(data).replace('null', 'NaN') };
    const { onMessage, onPreview } = machine();
    const said = [message('12345678901234567890'), message(1)] as const;
    const shown = [preview('image/png', MIB / 2), preview('image/jpeg', 10, metadata)];
    onMessage(said[0]);
    for (const one of shown) onPreview(one);
    onMessage(said[1]);
    await eventually(() => expect(heard).toHaveLength(4));
    const about = { jobId: 'job', mark: 'mark' };
    const [first, last] = said.map((one) => ({ ...about, said: { kind: 'message', message: one } }));
    const [png, jpeg] = shown.map((one) => ({ ...about, said: { kind: 'preview', preview: one } }));
    expect(heard).toEqual([first, png, jpeg, last]);
    expect(others).toEqual([]);
  });

  it('have the prompt that ran if they name none themselves', async () => {
    const { onMessage, onFrame } = machine();
    const text = '{"type":"progress","data":{"value":12345,"max":12345}}';
    const told = { promptId: 'p', type: 'progress', data: { value: 12345, max: 12345 }, text };
    const plain = { promptId: 'p', type: 'said', data: {}, text: '{"type":"said","data":"words"}' };
    const frame = { promptId: 'p', bytes: Buffer.from('0000000a00000001aabb', 'hex') };
    onMessage(told);
    onFrame(frame);
    onMessage(plain);
    await eventually(() => expect(heard).toHaveLength(3));
    expect(heard.map(({ said }) => said)).toEqual([
      { kind: 'message', message: told },
      { kind: 'frame', frame },
      { kind: 'message', message: plain },
    ]);
  });

  it('come before the end of their job', async () => {
    const order: string[] = [];
    there.messageRelay.subscribe(() => order.push('message'));
    there.events.subscribe('removed', () => order.push('removed'));
    const { onMessage } = machine();
    for (let n = 0; n < 100; n += 1) onMessage(message(n));
    here.events.publish('removed', { id: 'job', why: 'deleted' });
    await eventually(() => expect(order).toHaveLength(101));
    expect(order.at(-1)).toBe('removed');
  });

  it('lose previews while Redis is slow, and all beyond a limit', async () => {
    redis.pause();
    const { onMessage, onPreview } = machine();
    for (const n of [1, 2]) {
      onMessage(message(n));
      onPreview(preview('image/jpeg', MIB / 4));
    }
    onPreview(preview('image/png', 2 * MIB));
    machine().onPreview(preview('image/jpeg', 10));
    onPreview(preview('image/png', 15 * MIB));
    onMessage(message(3));
    redis.resume();
    await eventually(() => expect(kinds()).toContain('image/png'));
    await eventually(() => {
      onMessage(message('"last"'));
      expect(kinds()).toContain('last');
    });
    expect(lost).toBe(1);
    expect(kinds().filter((one) => one !== 'last')).toEqual([1, 'image/jpeg', 2, 'image/png', 'image/png']);
  });

  it('are lost during an outage, and sent afterwards', async () => {
    const { onMessage } = machine();
    onMessage(message(1));
    await eventually(() => expect(kinds()).toEqual([1]));
    await redis.kill();
    onMessage(message(2));
    await redis.restart();
    await eventually(() => {
      onMessage(message(3));
      expect(kinds()).toContain(3);
    });
    expect(kinds()).not.toContain(2);
  });
});
