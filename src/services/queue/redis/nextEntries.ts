import type { Redis } from 'ioredis';
import { LuaScript } from './LuaScript.js';
import type { LaneData } from './QueueLane.js';

/**
 * KEYS: the set of types. ARGV: prefix of BullMQ's keys, maximum number per type. Returns each type, the data of its next
 * entries and the number of the others. One script for all types: a search is part of every job, and each command costs
 * time. All keys are in one slot of a cluster, so that the script may construct those of the types.
 */
const NEXT = new LuaScript(`
local all = {}
for _, type in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local lane = ARGV[1] .. ':' .. type .. ':'
  local ids = redis.call('LRANGE', lane .. 'wait', -ARGV[2], -1)
  local found = {}
  for n = #ids, 1, -1 do table.insert(found, ids[n]) end
  if #found < tonumber(ARGV[2]) then
    for _, id in ipairs(redis.call('ZRANGE', lane .. 'prioritized', 0, ARGV[2] - #found - 1)) do table.insert(found, id) end
  end
  local data = {}
  for _, id in ipairs(found) do
    local one = redis.call('HGET', lane .. id, 'data')
    if one then table.insert(data, one) end
  end
  local count = #found
  if count == tonumber(ARGV[2]) then
    count = redis.call('LLEN', lane .. 'wait') + redis.call('ZCARD', lane .. 'prioritized')
  end
  table.insert(all, { type, data, count - #found })
end
return all
`);

/**
 * Reads the next entries of all types, in the order in which BullMQ returns them.
 * @param typesKey of the set of types
 * @param prefix of BullMQ's keys
 * @param most maximum number per type
 * @returns one item for each type that any server has used; `hidden` is the number of its entries beyond `most`
 * @throws the rejection of Redis
 */
export async function nextEntries(
  client: Redis,
  typesKey: string,
  prefix: string,
  most: number,
): Promise<{ type: string; entries: LaneData[]; hidden: number }[]> {
  const all = (await NEXT.run(client, [typesKey], [prefix, most])) as [
    type: string,
    texts: string[],
    hidden: number,
  ][];
  return all.map(([type, texts, hidden]) => ({
    type,
    entries: texts.map((text) => JSON.parse(text) as LaneData),
    hidden,
  }));
}
