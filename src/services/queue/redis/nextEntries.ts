import type { Redis } from 'ioredis';
import { LuaScript } from './LuaScript.js';
import { isLaneType, type LaneData, readLaneData } from './laneData.js';

/**
 * KEYS: the set of types. ARGV: prefix of BullMQ's keys, maximum number per type. Returns each type, the id, data and options
 * of its next entries, and the number of the others. One script for all types: a search is part of every job, and each
 * command costs time. All keys are in one slot of a cluster, so that the script may construct those of the types.
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
  local entries = {}
  for _, id in ipairs(found) do
    local one = redis.pcall('HMGET', lane .. id, 'data', 'opts')
    if one.err then one = { false, false } end
    table.insert(entries, { id, one[1], one[2] })
  end
  local count = #found
  if count == tonumber(ARGV[2]) then
    count = redis.call('LLEN', lane .. 'wait') + redis.call('ZCARD', lane .. 'prioritized')
  end
  table.insert(all, { type, entries, count - #found })
end
return all
`);

/** The next entries of a type. */
interface NextEntries {
  readonly type: string;
  readonly entries: readonly LaneData[];
  /** Ids of entries that nobody can read. */
  readonly damaged: readonly string[];
  /** Number of entries that were not read. */
  readonly hidden: number;
}

/**
 * Reads the next entries of all types, in the order in which BullMQ returns them.
 * @param typesKey of the set of types
 * @param prefix of BullMQ's keys
 * @param most maximum number per type
 * @returns one item for each type that any server has used
 * @throws the rejection of Redis
 */
export async function nextEntries(
  client: Redis,
  typesKey: string,
  prefix: string,
  most: number,
): Promise<NextEntries[]> {
  const all = (await NEXT.run(client, [typesKey], [prefix, most])) as [
    type: string,
    found: [id: string, data: string | null, options: string | null][],
    hidden: number,
  ][];
  return all.flatMap(([type, found, hidden]) => {
    if (!isLaneType(type)) return [];
    const entries: LaneData[] = [];
    const damaged: string[] = [];
    for (const [id, ...texts] of found) {
      const data = readLaneData(texts, type, id);
      if (data) entries.push(data);
      else damaged.push(id);
    }
    return { type, entries, damaged, hidden };
  });
}
