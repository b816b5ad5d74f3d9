import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instancesAnswer } from '../../src/schemas/instances.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

/** What can be stored in the place of a change. */
const DAMAGES: Readonly<Record<string, string | Buffer>> = {
  'a text that is cut off': '{"isRemoved":fal',
  'a text of something else': '{"patch":{"state":7}}',
  'no object': 'null',
  'no text': Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
};

describe.runIf(requireRedis())('a damaged change to a machine in Redis', () => {
  let site: RedisSite;
  let redis: Redis;
  let logger: RecordingLogger;
  let stack: Stack;
  beforeEach(async () => {
    site = await RedisSite.open();
    redis = site.connect();
    logger = new RecordingLogger();
    stack = await site.start({ logger });
  });
  afterEach(() => site.close());

  const damage = (name: string, damaged: string | Buffer) =>
    redis.hset(`{${site.prefix}}:machines`, name, damaged);
  const look = ({ client }: Stack) => client.json('/api/instances', instancesAnswer);
  const send = async (method: string, name: string, body?: object) => {
    const response = await stack.client.request(`/api/instances${name}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
    });
    return response.status;
  };
  const told = () => logger.lines.filter(({ message }) => message === "A machine's change cannot be read");

  for (const [what, damaged] of Object.entries(DAMAGES)) {
    it(`(${what}) is named, and stops neither other changes nor a later start`, async () => {
      expect(await send('POST', '', { url: 'http://127.0.0.1:1', name: 'second' })).toBe(201);
      await damage('instance-1', damaged);
      expect(await send('PATCH', '/second', { max_jobs: 7 })).toBe(200);
      const later = await site.start();
      for (const one of [stack, later]) {
        await eventually(async () =>
          expect(await look(one)).toMatchObject({
            instances: [
              { name: 'instance-1', state: 'active' },
              { name: 'second', max_jobs: 7 },
            ],
            problems: [expect.stringContaining('the change to instance-1 cannot be read')],
          }),
        );
      }
      expect(await send('PATCH', '/second', { max_jobs: 8 })).toBe(200);
      expect(told()).toMatchObject([{ level: 'error', fields: { name: 'instance-1' } }]);
      const id = await later.client.submit('upscale-image', await png());
      expect((await later.client.finished(id)).status).toBe('completed');

      expect(await send('PATCH', '/instance-1', { state: 'draining' })).toBe(200);
      for (const one of [stack, later]) {
        await eventually(async () =>
          expect(await look(one)).toMatchObject({
            instances: [{ name: 'instance-1', state: 'draining' }, { name: 'second' }],
            problems: [],
          }),
        );
      }
    });
  }

  it('can be removed, together with the machine that it had added', async () => {
    expect(await send('POST', '', { url: 'http://127.0.0.1:1', name: 'second' })).toBe(201);
    await damage('second', '{"entry":');
    await eventually(async () =>
      expect(await look(stack)).toMatchObject({ instances: [{ name: 'instance-1' }] }),
    );
    expect(await send('PATCH', '/second', { max_jobs: 2 })).toBe(404);
    expect(await send('DELETE', '/second')).toBe(200);
    expect(await look(stack)).toMatchObject({ instances: [{ name: 'instance-1' }], problems: [] });
    expect(await send('DELETE', '/second')).toBe(404);
    expect(await send('POST', '', { url: 'http://127.0.0.1:1', name: 'second' })).toBe(201);
  });

  it('to a machine of a list can be replaced by its removal', async () => {
    await damage('instance-1', '{');
    expect(await send('DELETE', '/instance-1')).toBe(200);
    expect(await look(stack)).toMatchObject({ instances: [], problems: [] });
  });
});
