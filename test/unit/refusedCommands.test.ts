import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RefusedCommands } from '../../src/services/queue/redis/RefusedCommands.js';
import { RecordingLogger } from '../support/RecordingLogger.js';

/** As the client of Redis makes it. */
function refusal(message: string, name: string, args: readonly (string | number)[]): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return Object.assign(error, { command: { name, args } });
}

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
const inScript = `${WRONG_TYPE} script: abc, on @user_script:7.`;

let logger: RecordingLogger;
let refused: RefusedCommands;
let client: Redis;
/** The response of Redis to the next command. */
let answer: Error;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  logger = new RecordingLogger();
  refused = new RefusedCommands(60_000, logger);
  client = new Redis({ lazyConnect: true });
  client.sendCommand = (command) => {
    command.reject(answer);
    return command.promise;
  };
  refused.watch(client);
});
afterEach(() => {
  vi.useRealTimers();
  client.disconnect();
});

async function refuse(error: Error): Promise<void> {
  answer = error;
  await expect(client.hget('{p}:a', 'b')).rejects.toThrow(error.message);
}

describe('refused commands', () => {
  it('are logged once with their keys, and again if there was none for a minute', async () => {
    expect(refused.areRecent).toBe(false);
    for (let n = 0; n < 5; n += 1) {
      await refuse(refusal(WRONG_TYPE, 'hget', ['{p}:a', 'secret']));
      vi.advanceTimersByTime(59_000);
    }
    expect(logger.lines).toEqual([
      { level: 'error', message: 'Redis refused a command', fields: { error: WRONG_TYPE, keys: ['{p}:a'] } },
    ]);
    expect(refused.areRecent).toBe(true);
    vi.advanceTimersByTime(1000);
    expect(refused.areRecent).toBe(false);
    await refuse(refusal(WRONG_TYPE, 'hget', ['{p}:a', 'secret']));
    expect(logger.lines).toHaveLength(2);
  });

  it('of a script are logged once for all jobs, other commands once for each key, up to a limit', async () => {
    for (let n = 0; n < 20; n += 1)
      await refuse(refusal(inScript, 'evalsha', ['abc', 1, `{p}:job:${n}`, 'x']));
    expect(logger.lines).toHaveLength(1);
    for (let n = 0; n < 200; n += 1) await refuse(refusal(WRONG_TYPE, 'hget', [`{p}:job:${n}`, 'x']));
    expect(logger.lines).toHaveLength(100);
  });

  it.each([
    ['NOSCRIPT No matching script.', 'evalsha', ['abc', 1, '{p}:a']],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'set', ['{p}:a', 'x']],
    [
      'ERR Error running script (call to f_abc): @user_script:7: -READONLY no',
      'evalsha',
      ['abc', 1, '{p}:a'],
    ],
    ["ERR unknown subcommand 'SETINFO'.", 'client', ['SETINFO', 'lib-name']],
  ])('do not count if they are part of an outage or of normal work (%s)', async (message, name, args) => {
    await refuse(refusal(message, name, args));
    expect([refused.areRecent, logger.lines]).toEqual([false, []]);
  });

  it('do not count if there is no response', async () => {
    await refuse(new Error('Command timed out'));
    expect(refused.areRecent).toBe(false);
  });
});
