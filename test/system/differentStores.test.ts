import { mkdtemp, symlink } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { eventually } from '../support/eventually.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { requireRedis } from '../support/RedisServer.js';
import { RedisSite } from '../support/RedisSite.js';
import type { Stack } from '../support/stack.js';

/** Longer than the servers wait until they tell a difference. */
const LASTING_MS = 12_000;
const TOLD = 'Servers with the same queue use different asset stores';

describe.runIf(requireRedis())('two servers with the same queue', () => {
  let site: RedisSite;
  let logger: RecordingLogger;
  beforeEach(async () => {
    site = await RedisSite.open();
    logger = new RecordingLogger();
  });
  afterEach(() => site.close());

  const newFolder = () => mkdtemp(path.join(tmpdir(), 'store-'));
  const start = (folder: string, env = {}) => site.start({ env: { ASSET_DIR: folder, ...env }, logger });
  const issuesOf = async ({ client }: Stack) => (await client.json('/health', healthAnswer)).issues;
  const lines = () => logger.lines.filter(({ message }) => message === TOLD);

  it('and different folders for assets say so in the log and in their health, until they are the same', async () => {
    const [one, other] = [await newFolder(), await newFolder()];
    const first = await start(one);
    // Only its callers without a key may not see folders.
    const second = await start(other, { API_KEYS: 'op:admin:op-secret-0123456789abcdef' });
    const [placeOfFirst, placeOfSecond] = [one, other].map((folder) => `${folder} on ${hostname()}`);
    await eventually(async () => {
      expect(await issuesOf(first)).toEqual([`${TOLD}: ${placeOfFirst}, ${placeOfSecond}.`]);
      expect(await issuesOf(second)).toEqual([`${TOLD}.`]);
    }, 40_000);
    expect(lines().map(({ level, fields }) => [level, fields['own'], fields['others']])).toEqual(
      expect.arrayContaining([
        ['error', placeOfFirst, [placeOfSecond]],
        ['error', placeOfSecond, [placeOfFirst]],
      ]),
    );
    expect(lines()).toHaveLength(2);
    await second.stop();
    const third = await start(one);
    await eventually(async () => {
      for (const stack of [first, third]) expect(await issuesOf(stack)).toEqual([]);
    }, 40_000);
  }, 120_000);

  it('and one folder under two paths have no problem', async () => {
    const folder = await newFolder();
    const link = path.join(await newFolder(), 'link');
    await symlink(folder, link);
    const [first, second] = [await start(folder), await start(link)];
    await new Promise((resolve) => setTimeout(resolve, LASTING_MS));
    for (const stack of [first, second]) expect(await issuesOf(stack)).toEqual([]);
    expect(lines()).toEqual([]);
  }, 60_000);
});
