/** Removes entries from queues of BullMQ that it cannot read, and would fail for again and again, or that it cannot find. */
import type { Redis } from 'ioredis';
import { jsonIfValid } from '../../../utils/jsonIfValid.js';
import { LuaScript } from './LuaScript.js';

/**
 * KEYS: waiting, prioritized, the entry. ARGV: id. Returns 1 if it waited. An entry that a server holds stays: it waits again when
 * the hold has ended.
 */
const DROP_WAITING = new LuaScript(`
if redis.call('LREM', KEYS[1], 0, ARGV[1]) + redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[3])
return 1
`);

/** KEYS: active, stalled, the entry, its lock. ARGV: id, token. Returns 1 if the token holds it. */
const DROP_HELD = new LuaScript(`
if redis.call('GET', KEYS[4]) ~= ARGV[2] then return 0 end
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3], KEYS[4])
return redis.call('LREM', KEYS[1], 0, ARGV[1])
`);

/**
 * KEYS: waiting, active, paused, prioritized, delayed, the entry, its lock. ARGV: id. Returns 0 if there is no entry, 1 if it is in
 * a list or held, 2 if it was removed. ¶ BullMQ moves an entry between lists within one script, so nobody is just doing that.
 */
const DROP_STRAY = new LuaScript(`
if redis.call('EXISTS', KEYS[6]) == 0 then return 0 end
for n = 1, 3 do
  if redis.call('LPOS', KEYS[n], ARGV[1]) then return 1 end
end
for n = 4, 5 do
  if redis.call('ZSCORE', KEYS[n], ARGV[1]) then return 1 end
end
if redis.call('EXISTS', KEYS[7]) == 1 then return 1 end
redis.call('DEL', KEYS[6])
return 2
`);

/** `stray`: it was in no list, and has been removed; of several servers, one gets this. */
export type EntryState = 'absent' | 'listed' | 'stray';

/**
 * Removes an entry that is in no list of its queue and that no server holds: nobody would take it, and BullMQ would ignore another
 * one with its id.
 * @param lane prefix of the queue's keys, with the colon
 */
export async function dropStray(client: Redis, lane: string, id: string): Promise<EntryState> {
  const lists = ['wait', 'active', 'paused', 'prioritized', 'delayed'].map((name) => lane + name);
  const keys = [...lists, `${lane}${id}`, `${lane}${id}:lock`];
  const answer = await DROP_STRAY.run(client, keys, [id]);
  return answer === 0 ? 'absent' : answer === 1 ? 'listed' : 'stray';
}

/**
 * Removes a waiting entry.
 * @param lane prefix of the queue's keys, with the colon
 * @returns whether it waited; of several servers, one gets true
 */
export async function dropWaiting(client: Redis, lane: string, id: string): Promise<boolean> {
  const keys = [`${lane}wait`, `${lane}prioritized`, `${lane}${id}`];
  return (await DROP_WAITING.run(client, keys, [id])) === 1;
}

/**
 * Removes the entries that this server holds, and whose data are not JSON: BullMQ hands an entry out before it reads it.
 * @param lane prefix of the queue's keys, with the colon
 * @returns their ids
 */
export async function dropUnreadable(client: Redis, lane: string, token: string): Promise<string[]> {
  const dropped: string[] = [];
  for (const id of await client.lrange(`${lane}active`, 0, -1)) {
    const texts = await client.hmget(`${lane}${id}`, 'data', 'opts');
    if (texts.every((text) => jsonIfValid(text ?? '{}') !== undefined)) continue;
    const keys = [`${lane}active`, `${lane}stalled`, `${lane}${id}`, `${lane}${id}:lock`];
    if ((await DROP_HELD.run(client, keys, [id, token])) === 1) dropped.push(id);
  }
  return dropped;
}
